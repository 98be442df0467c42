"""Deriving an order's receipt from the order and the payment intents that its history names.

Nothing is stored: a receipt of yesterday is that of fewer changes. The lines of each change come from its intent, which
nobody edits once it has ended; a change that was stored before changes named their intents has its amount alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast
from zoneinfo import ZoneInfo

from usher_shared.clock import from_timestamp
from usher_shared.contracts.money import exponent, to_major
from usher_shared.contracts.receipts import MoneyMoved, Receipt, ReceiptChange, ReceiptLine, ReceiptTax, Seller
from usher_shared.documents import DocumentStore
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.orders.model import Change, Intent, Order, OrderSeat
from usher_tools.orders.pricing import find_order
from usher_tools.orders.taxes import SeatTax, sum_taxes


def _taxes(taxes: Iterable[SeatTax], currency: str) -> list[ReceiptTax]:
    return [
        ReceiptTax(
            name=tax.name, percent=tax.percent, included=tax.included, amount=to_major(tax.amount_minor, currency)
        )
        for tax in taxes
    ]


def _line(seat: OrderSeat, event: TicketedEvent, currency: str) -> ReceiptLine:
    return ReceiptLine(
        seat_id=seat.id,
        description=f"{event.section_name(seat.section)}, row {seat.row}, seat {seat.number}",
        price=to_major(seat.price_minor, currency),
        fee=to_major(seat.fee_minor, currency),
        taxes=_taxes(seat.taxes, currency),
        total=to_major(seat.total_minor, currency),
    )


def _lines(seats: Iterable[OrderSeat], event: TicketedEvent, currency: str) -> list[ReceiptLine]:
    return [_line(seat, event, currency) for seat in seats]


def _bare_change(change: Change, currency: str) -> ReceiptChange:
    amount = to_major(change.amount_minor, currency)
    return ReceiptChange(
        at=from_timestamp(change.at),
        kind="change",
        description=change.change,
        seats_in=[],
        seats_out=[],
        price=amount,
        fees=0.0,
        taxes=0.0,
        tax_lines=[],
        amount=amount,
        payments=[],
        refunds=[],
    )


def _change(change: Change, intent: Intent | None, event: TicketedEvent, currency: str) -> ReceiptChange:
    bare = _bare_change(change, currency)
    if intent is None:
        return bare
    leaves = intent.kind == "refund_order"
    parts = intent.breakdown
    payments = []
    if intent.charge_id is not None:
        payments = [MoneyMoved(id=intent.charge_id, amount=to_major(intent.amount_minor, currency))]
    return bare.model_copy(
        update={
            "kind": intent.kind,
            "seats_in": [] if leaves else _lines(intent.seats, event, currency),
            "seats_out": _lines(intent.seats if leaves else intent.previous_seats, event, currency),
            "price": bare.price if parts is None else to_major(parts.price_minor, currency),
            "fees": 0.0 if parts is None else to_major(parts.fees_minor, currency),
            "taxes": 0.0 if parts is None else to_major(parts.taxes_minor, currency),
            "tax_lines": [] if parts is None else _taxes(parts.taxes, currency),
            "payments": payments,
            "refunds": [
                MoneyMoved(id=part.charge_id, amount=-to_major(part.amount_minor, currency))
                for part in intent.allocations
            ],
        }
    )


def make_receipt(order: Order, intents: Mapping[str, Intent], event: TicketedEvent) -> Receipt:
    """The receipt of the order as it stands; `intents` by id, those that its history names."""
    currency = order.currency
    made = [(change, intents.get(change.intent_id or "")) for change in order.history]
    tickets = sum(seat.total_minor for seat in order.seats)
    paid = sum(payment.amount_minor for payment in order.payments)
    refunded = sum(payment.refunded_minor for payment in order.payments)
    parts = [intent.breakdown for _, intent in made if intent is not None and intent.breakdown is not None]
    taxes = sum_taxes(part.taxes for part in parts)
    return Receipt(
        number=f"{order.id}/{order.revision}",
        issued_at=from_timestamp(order.history[-1].at if order.history else order.created_at),
        order_id=order.id,
        status=order.status,
        seller=Seller(
            name=event.venue.name, address=event.venue.address, city=event.venue.city, tax_id=event.venue.tax_id
        ),
        customer_id=order.customer_id,
        event_id=order.event_id,
        event_name=order.event_name,
        starts_at=from_timestamp(order.starts_at).astimezone(ZoneInfo(order.time_zone)),
        currency=currency,
        decimals=cast(Literal[0, 2, 3], exponent(currency)),
        lines=_lines(order.seats, event, currency),
        tickets_total=to_major(tickets, currency),
        kept=to_major(order.total_minor - tickets, currency),
        changes=[_change(change, intent, event, currency) for change, intent in made],
        paid=to_major(paid, currency),
        refunded=to_major(refunded, currency),
        net_paid=to_major(order.total_minor, currency),
        tax_lines=_taxes(taxes, currency),
    )


async def _read_intents(store: DocumentStore, ids: Sequence[str]) -> dict[str, Intent]:
    found = {}
    for id in ids:
        data = await store.get("payment_intents", id)
        if data is not None:
            found[id] = Intent.model_validate(data)
    return found


async def get_receipt(order_id: str, customer_id: str, store: DocumentStore) -> Receipt:
    """Raises NotFound, for another customer's order too."""
    order = await find_order(store, order_id, customer_id)
    intents = await _read_intents(store, [change.intent_id for change in order.history if change.intent_id])
    return make_receipt(order, intents, await find_event(store, order.event_id))

"""Deriving an order's receipt from the order and the payment intents that its history names.

Nothing is stored: a receipt of yesterday is that of fewer changes. The lines of each change come from its intent, which
nobody edits once it has ended; a change that was stored before changes named their intents has its amount alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast
from zoneinfo import ZoneInfo

from usher_shared.clock import from_timestamp
from usher_shared.contracts.money import exponent, to_major
from usher_shared.contracts.receipts import MoneyMoved, Receipt, ReceiptChange, ReceiptLine, ReceiptTax, Seller
from usher_shared.documents import DocumentStore
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.orders.model import Allocation, Breakdown, Change, Intent, Order, OrderSeat
from usher_tools.orders.pricing import find_order
from usher_tools.orders.taxes import SeatTax, sum_taxes
from usher_tools.orders.wording import describe_seat
from usher_tools.store_credit.model import STORE_CREDIT


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
        description=describe_seat(event, seat),
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


@dataclass(frozen=True, slots=True)
class _Side:
    """What an intent did to one order: an exchange does different things to two."""

    seats_in: list[OrderSeat]
    seats_out: list[OrderSeat]
    breakdown: Breakdown | None
    payments: list[Allocation] = field(default_factory=list)
    refunds: list[Allocation] = field(default_factory=list)
    moved_on: list[Allocation] = field(default_factory=list)


def _side(intent: Intent, order: Order) -> _Side:
    if intent.kind in ("refund_order", "credit_order"):
        return _Side([], intent.seats, intent.breakdown, [], intent.allocations, intent.moved)
    if intent.exchanged_order_id == order.id:
        return _Side([], intent.previous_seats, intent.previous_breakdown, [], intent.allocations, intent.moved)
    paid = list(intent.moved)
    if intent.credit_minor:
        paid.append(Allocation(charge_id=STORE_CREDIT, amount_minor=intent.credit_minor))
    if intent.charge_id is not None:
        paid.append(Allocation(charge_id=intent.charge_id, amount_minor=intent.amount_minor))
    given_up = [] if intent.kind == "exchange_order" else intent.previous_seats
    return _Side(intent.seats, given_up, intent.breakdown, paid)


def _moved(parts: Iterable[Allocation], currency: str, sign: int = 1) -> list[MoneyMoved]:
    return [MoneyMoved(id=p.charge_id, amount=to_major(sign * p.amount_minor, currency)) for p in parts]


def _change(change: Change, intent: Intent | None, order: Order, event: TicketedEvent) -> ReceiptChange:
    currency = order.currency
    bare = _bare_change(change, currency)
    if intent is None:
        return bare
    side = _side(intent, order)
    parts = side.breakdown
    return bare.model_copy(
        update={
            "kind": intent.kind,
            "seats_in": _lines(side.seats_in, event, currency),
            "seats_out": _lines(side.seats_out, event, currency),
            "price": bare.price if parts is None else to_major(parts.price_minor, currency),
            "fees": 0.0 if parts is None else to_major(parts.fees_minor, currency),
            "taxes": 0.0 if parts is None else to_major(parts.taxes_minor, currency),
            "tax_lines": [] if parts is None else _taxes(parts.taxes, currency),
            "payments": _moved(side.payments, currency),
            "refunds": _moved(side.refunds, currency, -1),
            "moved_on": _moved(side.moved_on, currency, -1),
        }
    )


def make_receipt(order: Order, intents: Mapping[str, Intent], event: TicketedEvent) -> Receipt:
    """The receipt of the order as it stands; `intents` by id, those that its history names."""
    currency = order.currency
    made = [(change, intents.get(change.intent_id or "")) for change in order.history]
    tickets = sum(seat.total_minor for seat in order.seats)
    paid = sum(payment.amount_minor for payment in order.payments)
    refunded = sum(payment.refunded_minor for payment in order.payments)
    parts = [_side(intent, order).breakdown for _, intent in made if intent is not None]
    taxes = sum_taxes(part.taxes for part in parts if part is not None)
    moved_on = sum(payment.moved_minor for payment in order.payments)
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
        changes=[_change(change, intent, order, event) for change, intent in made],
        paid=to_major(paid, currency),
        refunded=to_major(refunded, currency),
        moved_on=to_major(moved_on, currency),
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

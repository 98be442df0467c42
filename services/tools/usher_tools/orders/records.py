"""What every change of an order needs: its seats, its record, and the event that announces it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from usher_shared.clock import to_timestamp
from usher_shared.contracts.tools import OrderStatus
from usher_shared.documents import Transaction
from usher_shared.errors import UpstreamFailed
from usher_shared.events.catalogue import OrderEventData, TicketPurchased
from usher_tools.announcements import announce as record_event
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Allocation, Change, Intent, Order, OrderSeat, Payment
from usher_tools.payments.ports import Charge
from usher_tools.seats.layout import Seat
from usher_tools.seats.ledger import SeatLedger, is_free
from usher_tools.store_credit.model import STORE_CREDIT


async def seats_of(tx: Transaction, office: Office, event_id: str, seats: Iterable[OrderSeat]) -> list[Seat]:
    layout = await office.layouts.get(tx, (await find_event(tx, event_id)).layout_id)
    return [found for seat in seats if (found := layout.find(seat.id)) is not None]


def order_facts(order: Order, intent: Intent) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "customer_id": order.customer_id,
        "event_id": order.event_id,
        "event_name": order.event_name,
        "starts_at": order.starts_at,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "seats": [seat.sold() for seat in order.seats],
        "conversation_id": intent.conversation_id,
        "client_id": intent.client_id,
    }


def announce(tx: Transaction, office: Office, intent: Intent, type: str, data: OrderEventData) -> None:
    record_event(tx, office.ids, office.clock, type, data, about=data.order_id, traceparent=intent.traceparent)


async def read_intent(tx: Transaction, intent_id: str) -> Intent:
    data = await tx.get("payment_intents", intent_id)
    if data is None:
        raise UpstreamFailed(f"payment intent {intent_id} is missing", code="intent_missing")
    return Intent.model_validate(data)


def write_intent(tx: Transaction, intent: Intent, **changes: Any) -> Intent:
    changed = intent.model_copy(update=changes)
    tx.set("payment_intents", intent.id, changed.model_dump(mode="json"))
    return changed


async def read_order(tx: Transaction, order_id: str) -> Order:
    data = await tx.get("orders", order_id)
    if data is None:
        raise UpstreamFailed(f"order {order_id} is missing", code="order_missing")
    return Order.model_validate(data)


def obtainable(ledger: SeatLedger, seats: Iterable[Seat], hold_id: str, now: str) -> bool:
    """Whether each seat stands in the hold's name, or nobody has it."""
    states = (ledger.state(seat) for seat in seats)
    return all(is_free(state, now) or (state or {}).get("hold") == hold_id for state in states)


def mark_pending(tx: Transaction, order: Order, intent_id: str | None) -> None:
    tx.set("orders", order.id, order.model_copy(update={"pending": intent_id}).model_dump(mode="json"))


def intent_end(office: Office, moment: datetime) -> str:
    return to_timestamp(moment + timedelta(seconds=office.settings.payment_window_seconds))


def paid_with(intent: Intent, charge: Charge | None) -> list[Payment]:
    """What pays for the intent's seats, the oldest first: what earlier charges bring, store credit, the new charge."""
    moved = [Payment(**part.model_dump()) for part in reversed(intent.moved)]
    parts = sorted(moved, key=lambda payment: payment.cash)  # what may go back as money goes back first
    if intent.credit_minor:
        parts.append(Payment(charge_id=STORE_CREDIT, amount_minor=intent.credit_minor))
    if charge is not None:
        parts.append(Payment(charge_id=charge.id, amount_minor=charge.amount_minor))
    return parts


def payment_id(intent: Intent, charge: Charge | None) -> str:
    """What an event names as the payment: the charge, else what took its place."""
    if charge is not None:
        return charge.id
    parts = paid_with(intent, None)
    return parts[-1].charge_id if parts else "free"


def without(
    payments: Iterable[Payment], *, refunded: Iterable[Allocation] = (), moved: Iterable[Allocation] = ()
) -> list[Payment]:
    """The payments, less what is given back of them and what moves on."""
    left = list(payments)
    for name, parts in (("refunded_minor", refunded), ("moved_minor", moved)):
        for part in parts:
            # the newest payment first, as allocations are made: several may name one charge
            rest = part.amount_minor
            for place in reversed(range(len(left))):
                payment = left[place]
                taken = min(rest, payment.left_minor) if payment.charge_id == part.charge_id else 0
                if taken:
                    left[place] = payment.model_copy(update={name: getattr(payment, name) + taken})
                    rest -= taken
    return left


def paid_back(payments: Iterable[Payment], intent: Intent) -> list[Payment]:
    """The payments, less what the intent gives back or moves on; the provider keeps what becomes store credit."""
    back: list[Allocation] = []
    kept: list[Allocation] = []
    for part in intent.allocations:
        (kept if part.as_credit and part.charge_id != STORE_CREDIT else back).append(part)
    return without(payments, refunded=back, moved=[*kept, *intent.moved])


def reduced(
    order: Order, gone: Iterable[OrderSeat], change: Change, status: Mapping[bool, OrderStatus], payments: list[Payment]
) -> Order:
    """The order without those seats and what the change takes of its total; `status` by whether seats are left."""
    ids = {seat.id for seat in gone}
    left = [seat for seat in order.seats if seat.id not in ids]
    return order.model_copy(
        update={
            "status": status[bool(left)],
            "seats": left,
            "total_minor": order.total_minor + change.amount_minor,
            "history": [*order.history, change],
            "payments": payments,
            "pending": None,
        }
    )


def confirmed_order(
    intent: Intent, charge: Charge | None, event: TicketedEvent, bought: Change, *, exchanged_from: str | None = None
) -> Order:
    """The order that the intent has paid for: `bought` is its first change, and says what it cost."""
    return Order(
        id=intent.order_id,
        customer_id=intent.customer_id,
        client_id=intent.client_id,
        conversation_id=intent.conversation_id,
        event_id=event.id,
        event_name=event.name,
        starts_at=event.starts_at,
        time_zone=event.venue.time_zone,
        currency=intent.currency,
        status="confirmed",
        seats=intent.seats,
        total_minor=bought.amount_minor,
        payments=paid_with(intent, charge),
        history=[bought],
        created_at=bought.at,
        exchanged_from=exchanged_from,
    )


def announce_purchase(tx: Transaction, office: Office, intent: Intent, order: Order, charge: Charge | None) -> None:
    data = TicketPurchased(
        **order_facts(order, intent),
        fees_minor=sum(seat.fee_minor for seat in intent.seats),
        taxes_minor=sum(seat.tax_minor for seat in intent.seats),
        quantity=len(intent.seats),
        payment_id=payment_id(intent, charge),
        credit_minor=intent.credit_minor,
        exchanged_from=order.exchanged_from,
    )
    announce(tx, office, intent, "usher.ticket_purchased.v1", data)

"""What every change of an order needs: its seats, its record, and the event that announces it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from usher_shared.clock import to_timestamp
from usher_shared.documents import Transaction
from usher_shared.errors import UpstreamFailed
from usher_shared.events import EventData
from usher_shared.events.envelope import event as make_event
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Intent, Order, OrderSeat
from usher_tools.seats.layout import Seat
from usher_tools.seats.ledger import SeatLedger, is_free


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


def announce(tx: Transaction, office: Office, intent: Intent, type: str, data: EventData) -> None:
    office.outbox.add(
        tx,
        make_event(
            id=office.ids.new("EVT"),
            type=type,
            source="usher/tools",
            time=office.clock.now(),
            data=data,
            subject=intent.order_id,
            ordering_key=intent.order_id,
            traceparent=intent.traceparent,
        ),
    )


async def read_order(tx: Transaction, intent: Intent) -> Order:
    data = await tx.get("orders", intent.order_id)
    if data is None:
        raise UpstreamFailed(f"order {intent.order_id} is missing", code="order_missing")
    return Order.model_validate(data)


def obtainable(ledger: SeatLedger, seats: Iterable[Seat], hold_id: str, now: str) -> bool:
    """Whether each seat stands in the hold's name, or nobody has it."""
    states = (ledger.state(seat) for seat in seats)
    return all(is_free(state, now) or (state or {}).get("hold") == hold_id for state in states)


def mark_pending(tx: Transaction, order: Order, intent_id: str | None) -> None:
    tx.set("orders", order.id, order.model_copy(update={"pending": intent_id}).model_dump(mode="json"))


def intent_end(office: Office, moment: datetime) -> str:
    return to_timestamp(moment + timedelta(seconds=office.settings.payment_window_seconds))

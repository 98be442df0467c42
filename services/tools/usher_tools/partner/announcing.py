"""What the house is told of a change that a partner made: the same events as of our own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import Answer, OrderCreated, OrderRefunded, OrderView, SeatOffer, TicketsUpgraded
from usher_shared.events import Event
from usher_shared.events.catalogue import EventData, SeatSold, TicketPurchased, TicketRefunded, TicketUpgraded
from usher_shared.events.envelope import event as make_event
from usher_tools.office import Office
from usher_tools.partner.model import PartnerAction


def _sold(seats: Iterable[SeatOffer], currency: str) -> list[SeatSold]:
    return [
        SeatSold(id=seat.id, section=seat.section, row=seat.row, price_minor=to_minor(seat.price, currency))
        for seat in seats
    ]


def _common(action: PartnerAction, order: OrderView) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "customer_id": action.customer_id,
        "event_id": order.event_id,
        "event_name": order.event_name,
        "starts_at": order.starts_at.astimezone(UTC),
        "currency": order.currency,
        "total_minor": to_minor(order.total, order.currency),
        "seats": _sold(order.seats, order.currency),
        "conversation_id": action.conversation_id,
        "client_id": action.client_id,
    }


def _data(action: PartnerAction, answer: Answer, order: OrderView) -> tuple[str, EventData] | None:
    quote, common = action.quote, _common(action, order)
    if isinstance(answer, OrderCreated):
        fees = to_minor(quote.fees, quote.currency)
        # the partner takes the money: its payment is known by the key that it was asked under
        bought = TicketPurchased(**common, fees_minor=fees, quantity=len(answer.seats), payment_id=action.id)
        return "usher.ticket_purchased.v1", bought
    if isinstance(answer, TicketsUpgraded):
        previous = _sold(quote.previous_seats, quote.currency)
        moved = TicketUpgraded(
            **common, price_delta_minor=quote.total_minor, previous_seats=previous, payment_id=action.id
        )
        return "usher.ticket_upgraded.v1", moved
    if isinstance(answer, OrderRefunded):
        given_back = TicketRefunded(
            **common,
            refunded_minor=-quote.total_minor,
            refunded_seat_ids=[seat.id for seat in quote.seats],
            refund_id=action.id,
        )
        return "usher.ticket_refunded.v1", given_back
    return None


def announcement(action: PartnerAction, answer: Answer, order: OrderView, office: Office) -> Event | None:
    """The event of the change; None for a change that has none."""
    found = _data(action, answer, order)
    if found is None:
        return None
    type, data = found
    return make_event(
        id=office.ids.new("EVT"),
        type=type,
        source="usher/tools",
        time=office.clock.now(),
        data=data,
        subject=order.order_id,
        ordering_key=order.order_id,
        traceparent=action.traceparent,
    )

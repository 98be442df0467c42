"""What the house is told of a change that a partner made: the same events as of our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

from usher_shared.contracts.tools import (
    Answer,
    OrderCreated,
    OrderCredited,
    OrderExchanged,
    OrderRefunded,
    OrderView,
    SeatOffer,
    TicketsUpgraded,
)
from usher_shared.events import Event
from usher_shared.events.catalogue import OrderEventData, SeatSold, TicketPurchased, TicketRefunded, TicketUpgraded
from usher_shared.events.envelope import event as make_event
from usher_tools.office import Office
from usher_tools.partner.checking import amount_of
from usher_tools.partner.model import PartnerAction

_PURCHASED, _UPGRADED = "usher.ticket_purchased.v1", "usher.ticket_upgraded.v1"
_REFUNDED = "usher.ticket_refunded.v1"


def _sold(seats: Iterable[SeatOffer], currency: str) -> list[SeatSold]:
    return [
        SeatSold(id=seat.id, section=seat.section, row=seat.row, price_minor=amount_of(seat.price, currency))
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
        "total_minor": amount_of(order.total, order.currency),
        "seats": _sold(order.seats, order.currency),
        "conversation_id": action.conversation_id,
        "client_id": action.client_id,
    }


def _bought(
    action: PartnerAction, order: OrderView, seats: Sequence[SeatOffer], credit: float, **more: Any
) -> TicketPurchased:
    return TicketPurchased(
        **_common(action, order),
        quantity=len(seats),
        payment_id=action.id,  # the partner takes the money: its payment is known by the key that it was asked under
        credit_minor=amount_of(credit, order.currency),
        **more,
    )


def _given_back(action: PartnerAction, order: OrderView, seats: Iterable[SeatOffer], **more: Any) -> TicketRefunded:
    ids = [seat.id for seat in seats]
    return TicketRefunded(**_common(action, order), refunded_seat_ids=ids, refund_id=action.id, **more)


def _facts(action: PartnerAction, answer: Answer, orders: Mapping[str, OrderView]) -> list[tuple[str, OrderEventData]]:
    quote, currency = action.quote, action.quote.currency
    if isinstance(answer, OrderCreated):
        order = orders[answer.order_id]
        added = {"fees_minor": amount_of(quote.fees, currency), "taxes_minor": amount_of(quote.taxes, currency)}
        return [(_PURCHASED, _bought(action, order, answer.seats, answer.credit, **added))]
    if isinstance(answer, TicketsUpgraded):
        moved = TicketUpgraded(
            **_common(action, orders[answer.order_id]),
            price_delta_minor=quote.total_minor,
            previous_seats=_sold(quote.previous_seats, currency),
            payment_id=action.id,
        )
        return [(_UPGRADED, moved)]
    if isinstance(answer, OrderExchanged):
        value, old, new = amount_of(answer.value, currency), orders[answer.order_id], orders[answer.new_order_id]
        away = _given_back(
            action, old, quote.previous_seats, refunded_minor=value, kind="exchange", exchanged_to=new.order_id
        )
        # the quote has the difference alone: here fees are whatever is added to the prices
        fees = amount_of(answer.total, currency) - sum(amount_of(seat.price, currency) for seat in answer.seats)
        more = {"fees_minor": fees, "exchanged_from": old.order_id}
        bought = _bought(action, new, answer.seats, answer.credit, **more)
        return [(_REFUNDED, away), (_PURCHASED, bought)]
    if isinstance(answer, (OrderRefunded, OrderCredited)):
        refunds = isinstance(answer, OrderRefunded)
        credited = amount_of(answer.credit if isinstance(answer, OrderRefunded) else answer.credited, currency)
        back = _given_back(
            action,
            orders[answer.order_id],
            quote.seats,
            refunded_minor=-quote.total_minor,
            kind="refund" if refunds else "credit",
            credited_minor=credited,
        )
        return [(_REFUNDED, back)]
    return []


def announcements(
    action: PartnerAction, answer: Answer, orders: Mapping[str, OrderView], office: Office
) -> list[Event]:
    """The events of the change. `orders` are those it concerns, as they are after it.

    Raises ValueError, ArithmeticError: an amount or a time is beyond what an event can hold.
    """
    return [
        make_event(
            id=office.ids.new("EVT"),
            type=type,
            source="usher/tools",
            time=office.clock.now(),
            data=data,
            subject=data.order_id,
            ordering_key=data.order_id,
            traceparent=action.traceparent,
        )
        for type, data in _facts(action, answer, orders)
    ]

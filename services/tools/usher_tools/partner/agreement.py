"""Whether what a partner did, and shows of it, is what the customer confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from usher_shared.contracts.tools import (
    Answer,
    OrderCreated,
    OrderCredited,
    OrderExchanged,
    OrderRefunded,
    OrderView,
    Quote,
    SeatOffer,
    TicketsUpgraded,
)
from usher_tools.partner.checking import amount_of


def _are_quoted(seats: Sequence[SeatOffer], quote: Quote) -> bool:
    """Whether these are the quoted seats. Which of them are places without numbers the quote says, not the answer."""
    named = Counter(seat.id for seat in quote.seats if not seat.general_admission)
    places = Counter(seat.section for seat in quote.seats if seat.general_admission)
    return (
        Counter(seat.id for seat in seats if seat.id in named) == named
        and Counter(seat.section for seat in seats if seat.id not in named) == places
    )


def is_as_agreed(answer: Answer, quote: Quote) -> bool:
    """Whether the answer is what was confirmed: this order or event, these seats, this total, this currency.

    Raises ArithmeticError or ValueError for what is no amount of money.
    """

    def minor(amount: float) -> int:
        return amount_of(amount, quote.currency)

    if getattr(answer, "currency", quote.currency) != quote.currency:
        return False
    if isinstance(answer, (OrderCreated, OrderExchanged)) and answer.event_id != quote.event_id:
        return False
    if isinstance(answer, (OrderCreated, OrderExchanged, TicketsUpgraded)) and not _are_quoted(answer.seats, quote):
        return False
    if isinstance(answer, OrderCreated):
        return minor(answer.total) - minor(answer.credit) == quote.total_minor
    if getattr(answer, "order_id", None) != quote.arguments.get("order_id"):
        return False
    if isinstance(answer, TicketsUpgraded):
        return minor(answer.price_delta) == quote.total_minor
    if isinstance(answer, OrderRefunded):
        return minor(answer.refunded) == -quote.total_minor and minor(answer.credit) == minor(quote.credited)
    if isinstance(answer, OrderExchanged):
        if minor(answer.credited) != minor(quote.credited):
            return False
        return minor(answer.charged) - minor(answer.refunded) == quote.total_minor
    return not isinstance(answer, OrderCredited) or minor(answer.credited) == -quote.total_minor


def _has_new(order: OrderView, answer: OrderCreated | OrderExchanged | TicketsUpgraded, quote: Quote) -> bool:
    total = amount_of(answer.total, quote.currency)
    return (
        order.event_id == quote.event_id
        and _are_quoted(order.seats, quote)
        and amount_of(order.total, quote.currency) == total
    )


def _lacks(order: OrderView, given: Sequence[SeatOffer]) -> bool:
    """Whether the seats that were given back are gone; one place is like another, so that those cannot be told."""
    gone = {seat.id for seat in given if not seat.general_admission}
    return not any(seat.id in gone for seat in order.seats)


def are_shown(orders: Mapping[str, OrderView], answer: Answer, quote: Quote) -> bool:
    """Whether the orders, as they are after it, show what was done. Raises as `is_as_agreed`."""
    if any(order.currency != quote.currency for order in orders.values()):
        return False
    if isinstance(answer, OrderExchanged):
        old, new = orders[answer.order_id], orders[answer.new_order_id]
        return old is not new and _lacks(old, quote.previous_seats) and _has_new(new, answer, quote)
    if isinstance(answer, (OrderCreated, TicketsUpgraded)):
        return _has_new(orders[answer.order_id], answer, quote)
    if isinstance(answer, (OrderRefunded, OrderCredited)):
        order = orders[answer.order_id]
        return order.event_id == quote.event_id and _lacks(order, quote.seats)
    return True

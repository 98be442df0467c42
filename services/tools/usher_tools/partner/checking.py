"""Whether a partner's answer can be believed: its shape, and that it is about what was asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from usher_shared.contracts.money import to_major, to_minor
from usher_shared.contracts.tools import (
    TOOLS,
    Answer,
    Arguments,
    CheckInventory,
    GetEventInfo,
    GetOrder,
    Hold,
    HoldReleased,
    HoldTickets,
    Inventory,
    OrderView,
    Quote,
    QuoteArguments,
    ReleaseHold,
    SeatOffer,
)
from usher_shared.contracts.tools import EventInfo as Event
from usher_shared.errors import UpstreamFailed, UsherError
from usher_tools.quotes.service import canonical, check_customer, parse_arguments

A = TypeVar("A", bound=Answer)

# what our arguments take, without the names that a document cannot have
_ID = re.compile(r"(?!\.{1,2}$|__.*__$)[A-Za-z0-9._:-]{1,128}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_RETURNS = frozenset({"refund_order", "credit_order"})
_LARGEST = 2**53  # minor units: what a JSON number holds exactly
_LONGEST_QUOTE = timedelta(days=1)


def nonsense(tool: str, what: str) -> UpstreamFailed:
    return UpstreamFailed(f"the venue's system answered {tool} with nonsense: {what}", code="partner_nonsense")


def amount_of(major: float, currency: str) -> int:
    """The partner's number in minor units. Raises ArithmeticError or ValueError for what is no amount of money."""
    amount = to_minor(major, currency)
    if abs(amount) > _LARGEST:
        raise OverflowError("not an amount that can be charged")
    return amount


def parse_answer(model: type[A], tool: str, body: dict[str, Any]) -> A:
    """Raises UpstreamFailed partner_nonsense naming the fields, never their values."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        fields = sorted({".".join(map(str, e["loc"])) for e in error.errors(include_url=False, include_input=False)})
        raise nonsense(tool, f"not valid: {', '.join(fields[:8])}") from error


def _ids(answer: BaseModel) -> list[str]:
    names = ("hold_id", "order_id", "new_order_id", "quote_id", "event_id", "ticket_id")
    return [str(value) for name in names if (value := getattr(answer, name, None)) is not None]


def _inventory(wanted: Arguments, answer: Answer) -> bool:
    asked, found = cast(CheckInventory, wanted), cast(Inventory, answer)
    together = found.seats[: asked.quantity]
    one_row = len({(seat.section, seat.row) for seat in together}) == 1 and len(together) == asked.quantity
    return found.event_id == asked.event_id and (one_row or not found.adjacent)


def _event(wanted: Arguments, answer: Answer) -> bool:
    return cast(Event, answer).event_id == cast(GetEventInfo, wanted).event_id


def _are(seats: Sequence[SeatOffer], ids: Iterable[str]) -> bool:
    """Whether these are those seats; places without seats are alike, only their number counts."""
    wanted = Counter(ids)
    named = Counter(seat.id for seat in seats if not seat.general_admission)
    return len(seats) == wanted.total() and named <= wanted


def _hold(wanted: Arguments, answer: Answer) -> bool:
    asked, held = cast(HoldTickets, wanted), cast(Hold, answer)
    return held.event_id == asked.event_id and _are(held.seats, asked.seat_ids)


def _released(wanted: Arguments, answer: Answer) -> bool:
    return cast(HoldReleased, answer).hold_id == cast(ReleaseHold, wanted).hold_id


def _order(wanted: Arguments, answer: Answer) -> bool:
    return cast(OrderView, answer).order_id == cast(GetOrder, wanted).order_id


def _quote(wanted: Arguments, answer: Answer) -> bool:
    asked, quote = cast(QuoteArguments, wanted), cast(Quote, answer)
    kept = {key: value for key, value in asked.arguments.items() if value is not None}
    as_asked = kept.items() <= quote.arguments.items()
    charges, gives_back = quote.total_minor > 0, quote.total_minor < 0
    towards = not (charges if quote.action in _RETURNS else gives_back and quote.action != "exchange_order")
    money = _CURRENCY.fullmatch(quote.currency) and quote.total == to_major(quote.total_minor, quote.currency)
    return quote.action == asked.action and as_asked and bool(money) and towards


_ABOUT: dict[str, Callable[[Arguments, Answer], bool]] = {
    "check_inventory": _inventory,
    "get_event_info": _event,
    "hold_tickets": _hold,
    "release_hold": _released,
    "get_order": _order,
    "quote": _quote,
}


def check_answer(tool: str, wanted: Arguments, body: dict[str, Any]) -> Answer:
    """The answer in its model. Raises UpstreamFailed partner_nonsense."""
    answer = parse_answer(TOOLS[tool].answer, tool, body)
    if not all(_ID.fullmatch(id) for id in _ids(answer)):
        raise nonsense(tool, "an id is not 1 to 128 letters, digits, '.', '_', ':' or '-'")
    about = _ABOUT.get(tool)
    if about is not None and not about(wanted, answer):
        raise nonsense(tool, "it is not about what was asked, or contradicts itself")
    return answer


def _amounts(quote: Quote) -> Iterable[float]:
    seats = [*quote.seats, *quote.previous_seats]
    parts = [quote.subtotal, quote.fees, quote.taxes, quote.credit, quote.credited, quote.total]
    return [*parts, *(seat.price for seat in seats)]


def check_quote(quote: Quote, customer_id: str, now: datetime) -> Quote:
    """The quote with canonical arguments that its action can be called with. Raises UpstreamFailed."""
    try:
        arguments = parse_arguments(TOOLS[quote.action].arguments, quote.arguments)
        check_customer(arguments, customer_id)
    except UsherError as error:
        raise nonsense("quote", f"its arguments cannot be called: {error.detail}") from error
    if quote.expires_at <= now:
        raise nonsense("quote", "it has expired already")
    if quote.expires_at - now > _LONGEST_QUOTE:
        raise nonsense("quote", "it is for more than a day")
    try:
        for amount in _amounts(quote):
            amount_of(amount, quote.currency)
    except (ArithmeticError, ValueError) as error:
        raise nonsense("quote", "an amount is not one of money") from error
    return quote.model_copy(update={"arguments": canonical(arguments)})

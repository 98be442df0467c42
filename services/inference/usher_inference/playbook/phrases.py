"""How things are said. Numbers and names come from the caller, who has them from a tool."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

from usher_shared.contracts.money import format_money, to_minor
from usher_shared.contracts.tools import EventSummary, OrderView, SeatOffer

# as the box office writes it into an order's history
_CALLED_OFF = re.compile(r"\bthe event was cancelled(?:: (?P<why>[^)]+))?")
_MOST_QUOTED = 60  # characters of the customer's words that are said back


class Asked(StrEnum):
    """The questions that the playbook asks, each by the words that tell it apart in the history."""

    QUANTITY = "How many tickets would you like?"
    EVENT = "Which event, artist or team are you interested in?"
    WHICH = "Which one would you like?"
    MEANT = "Did you mean that one?"
    THIS = "Would you like that one?"
    OFFER = "Shall I hold them for you?"
    ORDER = "Which order do you mean?"
    LIMIT = "What is your budget for the upgrade in all, or which section would you like?"
    SEATS_BACK = "Which seats should I refund, or all of them?"
    SEATS_PART = "Which of these seats do you mean, or all of them?"
    THAT_ORDER = "Do you mean that order?"
    WAY = "Would you like a refund, an exchange or store credit?"
    INSTEAD = "What would you like instead: another date, another event or other seats?"
    WAIT = "Shall I put you on the wait list?"
    WAIT_COUNT = "How many seats should I wait for?"
    WAIT_WHICH = "Which show do you mean?"
    TAKE = "Shall I prepare the order for them?"
    DETAILS = "What should I tell our staff?"
    LOOK = "Shall I look for seats for you?"
    PREPARE = "Shall I prepare the order?"
    RETRY = "Shall I try again?"
    OTHER_DATES = "Shall I look at other dates?"
    OTHER_SEATS = "Shall I look at the other seats for this event?"
    OTHER_WHAT = "Do you mean other seats for this event, or another event?"
    RELEASE = "Shall I let the seats go?"
    KEEP_BUYING = "Would you like other seats, another price or another date?"
    CHEAPER = "Shall I look for cheaper seats?"
    NEXT = "Shall I look into that now?"
    PERSON = "Shall I pass this on to a person?"


@lru_cache(maxsize=4096)  # a conversation's earlier texts come again with each of its calls
def question_in(text: str) -> Asked | None:
    """The last of the playbook's own questions in an assistant's text."""
    found = [(text.rfind(question.value), question) for question in Asked]
    at, question = max(found)
    return question if at >= 0 else None


_RESUMED = (
    Asked.QUANTITY,
    Asked.WHICH,
    Asked.OFFER,
    Asked.PREPARE,
    Asked.LIMIT,
    Asked.ORDER,
    Asked.INSTEAD,
    Asked.WAIT,
)


def resumed(asked: Asked | None) -> str:
    """The question that stood open before something else was asked; "" where it does not call for an answer."""
    return asked.value if asked in _RESUMED and asked else ""


def money(major: float, currency: str) -> str:
    return format_money(to_minor(major, currency), currency)


def money_minor(minor: int, currency: str) -> str:
    return format_money(minor, currency)


def remaining(now: datetime, until: datetime) -> str:
    """ "for the next 4 minutes": so that no time zone has to be known."""
    minutes = max(1, int((until - now).total_seconds() // 60))
    return f"for the next {count(minutes, 'minute')}"


def listing(words: Sequence[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def quoted(words: str) -> str:
    """The customer's own words in quotation marks, cut short where they run on."""
    flat = " ".join(words.split())
    return f"“{flat}”" if len(flat) <= _MOST_QUOTED else f"“{flat[:_MOST_QUOTED].rstrip()}…”"


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def seats(chosen: Sequence[SeatOffer]) -> str:
    """ "section 102, row 5, seats 11 and 12; section 104, row 2, seat 7; section F, 2 general admission"."""
    parts = []
    for (section, row), group in groupby(chosen, key=lambda seat: (seat.section, seat.row)):
        seats_there = list(group)
        numbers = [seat.number for seat in seats_there]
        if seats_there[0].general_admission:
            parts.append(f"section {section}, {len(numbers)} general admission")
            continue
        parts.append(f"section {section}, row {row}, {seat_numbers(numbers)}{_accessible(seats_there)}")
    return "; ".join(parts)


def _accessible(there: Sequence[SeatOffer]) -> str:
    """Which of the seats are wheelchair places, in brackets; "" where none is."""
    numbers = [seat.number for seat in there if seat.accessible]
    if not numbers:
        return ""
    if len(numbers) == len(there):
        return " (accessible)"
    return f" ({seat_numbers(numbers)} accessible, with the companion's beside)"


def seat_numbers(numbers: Sequence[str]) -> str:
    """ "seat 7", "seats 7 and 8", "seats 7 to 12"."""
    if len(numbers) == 1:
        return f"seat {numbers[0]}"
    values = [int(number) for number in numbers if number.isdecimal()]
    if len(numbers) > 3 and len(values) == len(numbers) and values == list(range(values[0], values[0] + len(numbers))):
        return f"seats {values[0]} to {values[-1]}"
    return f"seats {listing(numbers)}"


def subtotal(chosen: Sequence[SeatOffer], currency: str) -> int:
    """In minor units."""
    return sum(to_minor(seat.price, currency) for seat in chosen)


def seats_with_prices(chosen: Sequence[SeatOffer], currency: str, beside: str) -> str:
    """Where the seats are, what each costs and what they come to before fees."""
    alone = len(chosen) == 1 or all(seat.general_admission for seat in chosen)
    beside = "" if alone else f", {beside}"
    groups = [list(group) for _, group in groupby(chosen, key=lambda seat: (seat.section, seat.row, seat.price))]
    total = money_minor(subtotal(chosen, currency), currency)
    if len(chosen) == 1:
        return f"{seats(chosen)}: {total} before any fees"
    if len(groups) == 1:
        price = money(chosen[0].price, currency)
        return f"{seats(chosen)}{beside}: {price} each, {total} for {len(chosen)} before any fees"
    parts = [f"{seats(group)} at {money(group[0].price, currency)}{' each' * (len(group) > 1)}" for group in groups]
    return f"{'; '.join(parts)}{beside}: {total} for {len(chosen)} before any fees"


def event_line(event: EventSummary) -> str:
    """Name, time, place and price of an event, in one line."""
    text = f"{event.name}, {event.local_start}, {event.venue}, {event.city}"
    if event.status == "cancelled":
        return f"{text} (cancelled)"
    if event.status == "sold_out" or event.available <= 0:
        return f"{text} (sold out)"
    return text if event.price_from is None else f"{text}, from {money(event.price_from, event.currency)}"


def event_list(events: Sequence[EventSummary]) -> str:
    return numbered([event_line(event) for event in events])


def named_event(event: EventSummary) -> str:
    return f"{event.name} ({event.local_start}, {event.venue})"


def called_off(order: OrderView) -> str:
    """That the order's event was cancelled, why, and what was given back; "" where the order's history has none."""
    given = [(change, said) for change in order.history if (said := _CALLED_OFF.search(change.change))]
    if not given:
        return ""
    why = next((f" ({said['why']})" for _, said in given if said["why"]), "")
    back = -sum(to_minor(change.amount, order.currency) for change, _ in given)
    told = f"; {money_minor(back, order.currency)} was given back" if back > 0 else ""
    return f"the event was cancelled{why}{told}"


def order_line(order: OrderView, starts: str) -> str:
    """One order: `starts` is the event's local time, for a person."""
    quiet = order.status in ("confirmed", "upgraded")
    state = "" if quiet else f", {order.status.replace('partially_', 'partly ')}"
    off = called_off(order)
    if off and not order.seats:
        return f"{order.order_id}: {order.event_name}, {starts}: {off}"
    where = seats(order.seats) if order.seats else "no seats"
    total = money(order.total, order.currency)
    return f"{order.order_id}: {order.event_name}, {starts}, {where}, {total}{state}"


def numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


UNKNOWN = "I have no information on that for"
NOTHING_CALLED = "I found no events for"
ON_OTHER_DATES = "but there is this on other dates:"
ELSEWHERE = "but there is this elsewhere:"
NOTHING_NAMED = "I found nothing called"
NO_OTHER_DATE = "I see no other date that fits for"
MAY_WAIT = "I can also put you on the wait list: just say so."
WAITS_FOR = (
    "Just say which other event you would like, or wait for this one: seats that come free are held for whoever is "
    f"first in line. {Asked.WAIT.value}"
)
FINISHED = ("You're all set!", "Done")  # how the report of a finished act begins
GREETING = "Hello! I can find events, book seats, and look after your orders. What would you like to see?"
CAPABILITIES = (
    "I'm Usher, an automated ticketing assistant. I can find events by name, city or date, check seats and prices, "
    "hold and buy tickets, look up, upgrade or refund your orders, answer questions about an event and its venue, "
    "and pass things on to a person. I charge or refund only after you say yes to the total."
)
THANKS = "You're welcome! Is there anything else I can do for you?"
BYE = "Goodbye, and enjoy the show!"
SMALLTALK = "I'm doing well, thank you. I can help you with events and tickets: what would you like to see?"
UNCLEAR = (
    "Sorry, I didn't follow that. I can find events, book seats, and look up, upgrade or refund your orders. "
    "What would you like to do?"
)
UNCLEAR_AGAIN = f"I'm sorry, I still don't follow. You could put it in other words. {Asked.PERSON.value}"
FEES = "The prices I name are before fees. You see the full total, fees included, before anything is charged."
PAYMENT = "I use the payment method on file in your account, and I never ask for card details."
NO_DISCOUNT = "I can't give discounts, but I can look for the cheapest seats. Just name the event."
NO_TRANSFER = (
    "I can't resell tickets or put them in another name. What I can do is look up your order and offer what its rules "
    "allow: a refund, store credit or an exchange."
)
CANNOT = (
    "I can't help with that. What I can do: find events, book seats, look up, upgrade or refund your orders, "
    "and pass things on to a person."
)
NO_TOOL = "I can't do that in this conversation, sorry. I can answer what was already looked up, or you can try again."
EARLY_YES = "You wrote that before my offer was shown, so I have not taken it as a yes to it. Please read it first."
NEED_YES = (
    "I charge nothing without a clear yes. Please say yes to go ahead, no to leave it, or tell me what to change."
)
TROUBLE = "Something went wrong on our side and I couldn't finish that. Nothing was charged."

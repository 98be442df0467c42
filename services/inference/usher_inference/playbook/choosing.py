"""Which event a message picks: one that was pointed at, one of those listed, or the other one."""

import re
from collections.abc import Sequence

from usher_inference.playbook.naming import likeness
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.pointing import pointed_at
from usher_inference.playbook.state import Dialogue, Task, Wish
from usher_inference.understanding import Comparative, Slots
from usher_inference.understanding.numbers import parse_count
from usher_shared.contracts.tools import EventSummary

SAME_EVENT = 85.0  # likeness from which words are the event's name
_BARE_NUMBER = re.compile(
    r"^\W*(?:number |no\.? |option )?(\d{1,2}|one|two|three|four|five)(?: please)?\W*$", re.IGNORECASE
)
_SEATS_MEANT = re.compile(r"\b(?:seats?|rows?|sections?|places?)\b", re.IGNORECASE)
_EVENT_MEANT = re.compile(r"\b(?:events?|shows?|games?|match(?:es)?|concerts?|dates?|days?|nights?)\b", re.IGNORECASE)
_THE_OTHER = re.compile(
    r"\bthe other(?: (?:one|event|show|game|match|concert|date|day|night))?\b"
    r"(?! (?:ones|seats?|sections?|rows?|side|end|order))|\bother one\b",
    re.IGNORECASE,
)
_THE_CHEAPER = re.compile(
    r"\bthe (?:cheaper|less expensive|cheapest) (?:ones?|events?|shows?|games?|tickets?)\b", re.IGNORECASE
)


def choose_pointed(d: Dialogue, slots: Slots) -> bool:
    chosen = pointed_at(d, slots)
    if chosen is None:
        return False
    if chosen.event_id != d.focus:
        d.focus, d.wish.query = chosen.event_id, chosen.name
        leave_seats(d.wish)
    d.task = Task.PURCHASE
    return True


def choose_listed(d: Dialogue, slots: Slots) -> bool:
    """One of the events just listed: by its place, or as the earliest, the latest or the cheapest."""
    if d.turn.asked not in (Asked.WHICH, Asked.MEANT, Asked.THIS) or not d.listed:
        return False
    events = [d.events[id] for id in d.listed if id in d.events]
    chosen = None
    bare = _BARE_NUMBER.match(d.turn.text)
    nth = slots.ordinal or (parse_count(bare.group(1).lower()) if bare else None)
    if nth:
        place = nth - 1 if nth > 0 else nth
        chosen = events[place] if -len(events) <= place < len(events) else None
    elif slots.superlative is Comparative.EARLIER:
        chosen = min(events, key=lambda event: event.starts_at)
    elif slots.superlative is Comparative.LATER:
        chosen = max(events, key=lambda event: event.starts_at)
    elif len(events) > 1 and wants_cheapest(d, slots):
        lowest = cheapest_of(events)
        chosen = lowest[0] if len(lowest) == 1 else None
    if chosen:
        d.focus = chosen.event_id
        d.wish.query = d.wish.query or chosen.name
        d.task = Task.PURCHASE
    return chosen is not None


def wants_cheapest(d: Dialogue, slots: Slots) -> bool:
    """ "The cheaper one", said of events that were listed."""
    return slots.superlative is Comparative.CHEAPER or _THE_CHEAPER.search(d.turn.text) is not None


def cheapest_of(events: Sequence[EventSummary]) -> list[EventSummary]:
    """The event with the lowest price to start from; several where they share it, none where no price is known."""
    priced = [event for event in events if event.price_from is not None and event.status == "on_sale"]
    low = min((event.price_from or 0.0 for event in priced), default=0.0)
    return [event for event in priced if event.price_from == low]


def chooses_by_number(d: Dialogue) -> bool:
    """Whether a bare number in the message picks one of the events just listed, and so counts no seats."""
    return d.turn.asked is Asked.WHICH and bool(d.listed) and _BARE_NUMBER.match(d.turn.text) is not None


def choose_other(d: Dialogue, slots: Slots) -> bool:
    """ "No, the other one": of two listed events the other; of more, all but this one are open again."""
    if d.turn.asked is Asked.OTHER_WHAT and d.focus:
        return _answer_what(d)
    if d.focus is None or slots.event or slots.dates or not _THE_OTHER.search(d.turn.text):
        return False
    others = [d.events[id] for id in d.listed if id != d.focus and id in d.events]
    query = d.wish.query
    if not others and query:
        others = [e for e in d.events.values() if e.event_id != d.focus and likeness(query, e) >= SAME_EVENT]
    others = [event for event in others if event.starts_at > d.now and event.event_id not in d.wish.other_than]
    if not others:
        d.turn.unsure_what = True
        return False
    leave_seats(d.wish)
    d.wish.other_than = d.wish.other_than | {d.focus}
    d.task = Task.PURCHASE
    if len(others) == 1:
        d.focus, d.wish.query = others[0].event_id, others[0].name
        return True
    d.focus = None
    if not all(query and likeness(query, event) >= SAME_EVENT for event in others):
        d.wish.query = None
    if d.wish.date and not any(d.wish.date.covers(event.starts_at.date()) for event in others):
        d.wish.date = None
    d.wish.browsing = True
    return True


def _answer_what(d: Dialogue) -> bool:
    """Whether it was another event that was meant; other seats else."""
    if _SEATS_MEANT.search(d.turn.text):
        d.wish.passed = d.wish.passed | {seat.id for seat in (d.hold.seats if d.hold else d.offer)}
        d.task = Task.PURCHASE
        return True
    if d.focus is None or not _EVENT_MEANT.search(d.turn.text):
        return False
    d.wish.other_than, d.wish.date = d.wish.other_than | {d.focus}, None
    reopen(d)
    leave_seats(d.wish)
    d.task = Task.PURCHASE
    return True


def leave_seats(wish: Wish) -> None:
    """Another event: what was said of the seats of this one no longer counts."""
    wish.section = wish.row = wish.avoid = None
    wish.passed = frozenset()
    if wish.relative:
        wish.each, wish.relative = None, False


def reopen(d: Dialogue) -> None:
    """The event is open again, but its name still counts."""
    if d.event and not d.wish.query:
        d.wish.query = d.event.name
    d.focus = None
    d.wish.passed = frozenset()
    if d.wish.relative:
        d.wish.each, d.wish.relative = None, False

"""Pointing at an event of a list by what it is like: "the arena one", "the comedy one", "the later one"."""

import re
from collections.abc import Sequence

from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_inference.understanding import Slots
from usher_inference.understanding.catalogue import spoken_tokens
from usher_shared.contracts.tools import EventSummary

_THE_ONE = re.compile(r"\b(?:the|that) (?P<like>(?:[\w'’-]+ ){1,3}?)one\b(?! (?:ticket|seat))", re.IGNORECASE)
_TIMED = re.compile(r"\b(?:earlier|later)\b", re.IGNORECASE)
_OPEN = (Asked.WHICH, Asked.MEANT, Asked.THIS, Asked.QUANTITY)
_ALSO_CALLED = {"concert": "music", "musical": "theatre", "game": "sports"}
_SMALL = frozenset(("in", "at", "on", "with", "from", "by", "the", "of"))


def pointed_at(d: Dialogue, slots: Slots) -> EventSummary | None:
    """The one listed event that the message describes; None where it describes none or several."""
    said = _THE_ONE.search(d.turn.text)
    events = [d.events[id] for id in d.listed if id in d.events]
    if said is None or d.hold or d.proposal or d.turn.asked not in _OPEN or len(events) < 2:
        return None
    timed = _TIMED.search(said["like"])
    if timed:
        return _by_time(d, events, later=timed.group().lower() == "later")
    if slots.date:
        return _only([event for event in events if slots.date.covers(event.starts_at.date())])
    if slots.category:
        kind = str(slots.category)
        return _only([e for e in events if _ALSO_CALLED.get(e.category, e.category) == _ALSO_CALLED.get(kind, kind)])
    words = [word for word in spoken_tokens(said["like"]) if word not in _SMALL]
    return _only([event for event in events if words and all(word in _words_of(event) for word in words)])


def _by_time(d: Dialogue, events: Sequence[EventSummary], *, later: bool) -> EventSummary:
    """The last or the first; measured from the event in question, the next after or before it."""
    ordered = sorted(events, key=lambda event: event.starts_at, reverse=not later)
    if d.event is None:
        return ordered[-1]
    now = d.event.starts_at
    beyond = [event for event in ordered if (event.starts_at > now if later else event.starts_at < now)]
    return beyond[0] if beyond else ordered[-1]


def _words_of(event: EventSummary) -> set[str]:
    names = [event.name, event.venue, event.city, event.category, *getattr(event, "performers", ())]
    return {word for name in names for word in spoken_tokens(name)}


def _only(events: Sequence[EventSummary]) -> EventSummary | None:
    return events[0] if len(events) == 1 else None

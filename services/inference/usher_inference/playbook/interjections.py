"""Messages in the middle of a purchase that call for a word before it goes on, and for no tool."""

import re
from dataclasses import replace

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Say
from usher_inference.playbook.choosing import cheapest_of, wants_cheapest
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_inference.understanding import Comparative, Intent, Slots

_NO_COUNT = re.compile(r"0+|zero|none|[-−]\s?\d+(?:\.\d+)?|\d+\.\d+", re.IGNORECASE)
_NO_TICKETS = re.compile(
    r"(?<![\w$£€.,:/-])(?:0+|zero|[-−]\s?\d+(?:\.\d+)?|\d+\.\d+) (?:tickets?|seats?|tix)\b", re.IGNORECASE
)


_YES_OR_NO = re.compile(
    r"^\W*(?:(?:hi|hello|hey|and|also|so|ok|okay|dear|team|there|good|morning|evening|afternoon|please)\W+)*"
    r"(?:may|are|can|could|is|do|does|will|must|should|am|(?:from|until) when)\b[^.!]*\?\W*$",
    re.IGNORECASE,
)
_OF_SALE = re.compile(
    r"\b(?:tickets?|tix|seats?|availab\w*|left|sold|price\w*|costs?|cheap\w*|much|go|going|see|watch|play\w*|perform\w*|"
    r"on|book|buy|get|want|like|have|find|show|search|tell|interested|possible|help|there)\b",
    re.IGNORECASE,
)


def asks_something_else(d: Dialogue) -> bool:
    """Whether the message asks about the event what no topic covers: a number of tickets is no answer to that."""
    text, heard = d.turn.text, d.turn.heard
    if heard is None or heard.topic or heard.slots.quantity or d.turn.affirmed:
        return False
    return _YES_OR_NO.match(text) is not None and _OF_SALE.search(text) is None


def interject(d: Dialogue, intent: Intent) -> Say | None:
    """The word that is due; None when the purchase goes on by itself."""
    if d.turn.done:
        return None
    slots = d.turn.heard.slots if d.turn.heard else Slots()
    if not d.turn.seat_terms_changed:
        if d.turn.unsure_what:
            return Say(Asked.OTHER_WHAT.value)
        said = _say_more(d, intent, slots) or _same_day(d, slots)
        if said:
            return said
    return _cheapest_listed(d, slots)


def whole_number(d: Dialogue) -> Say | None:
    """A number of tickets that no order can have: none, less than none, or a part of one."""
    alone = d.turn.asked is Asked.QUANTITY and _NO_COUNT.fullmatch(d.turn.text.strip(" .!"))
    if d.turn.done or not (alone or _NO_TICKETS.search(d.turn.text)):
        return None
    if d.turn.heard and d.turn.heard.slots.quantity:
        return None
    return Say(f"The number of tickets has to be a whole number from 1 on. {Asked.QUANTITY.value}")


def _say_more(d: Dialogue, intent: Intent, slots: Slots) -> Say | None:
    """A yes to a question that only a choice answers."""
    asked = d.turn.asked
    if asked is Asked.WHICH and d.turn.affirmed and not slots.event:
        return Say(f"Just tell me its number, its day or its place. {asked.value}")
    if intent is not Intent.AFFIRM or slots != Slots():
        return None
    if asked is Asked.QUANTITY and d.wish.quantity is None:
        return Say(f"A number will do. {asked.value}")
    if asked is Asked.KEEP_BUYING:
        return Say(f"Gladly. Just say which: a section, a price or a day. {asked.value}")
    return Say(f"Gladly. {asked.value}") if asked is Asked.EVENT else None


def _same_day(d: Dialogue, slots: Slots) -> Say | None:
    """The message only names the day that the seats shown are for already."""
    only = slots.date is not None and replace(slots, dates=(), time_of_day=None) == Slots()
    shown = d.hold is not None or d.turn.asked is Asked.OFFER
    if d.turn.affirmed or not only or not shown or d.event is None or slots.date is None:
        return None
    if not slots.date.covers(d.event.starts_at.date()):
        return None
    back = d.turn.asked.value if d.turn.asked in (Asked.OFFER, Asked.PREPARE) else ""
    return Say(f"It is on that day already: {phrases.named_event(d.event)}. {back}".strip())


def _cheapest_listed(d: Dialogue, slots: Slots) -> Say | None:
    """ "That's too expensive", said of a list of events: the one with the lowest price."""
    events = [d.events[id] for id in d.listed if id in d.events]
    lowest = cheapest_of(events)
    limited = slots.max_price_each is not None or slots.max_price_total is not None
    if d.turn.asked is not Asked.WHICH or d.focus or limited or not lowest:
        return None
    if len(lowest) > 1 and (Comparative.CHEAPER in slots.comparatives or wants_cheapest(d, slots)):
        alike = phrases.listing([phrases.named_event(event) for event in lowest])
        start = phrases.money(lowest[0].price_from or 0.0, lowest[0].currency)
        return Say(f"They cost the same: {alike} start at {start} a seat. {Asked.WHICH.value}")
    if Comparative.CHEAPER not in slots.comparatives:
        return None
    d.listed = (lowest[0].event_id,)
    return Say(f"The lowest price among these is for {phrases.event_line(lowest[0])}. {Asked.THIS.value}")

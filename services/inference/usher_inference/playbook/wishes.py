"""What a message changes about the event wished for."""

import re
from collections.abc import Sequence

from usher_inference.playbook.choosing import (
    SAME_EVENT,
    choose_listed,
    choose_other,
    choose_pointed,
    leave_seats,
    reopen,
)
from usher_inference.playbook.naming import (
    at_venue,
    fit,
    likeness,
    named_words,
    names_something,
    unknown_words,
    words_beyond,
)
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.understanding import Comparative, DateMention, EventMention, Intent, Slots, Understanding

_DENIAL = re.compile(
    r"(?:no|nah|nope|not|never|mind|nevermind|leave|forget|skip|stop|cancel|don'?t|it|that|thanks|thank|you|[ ,.])+",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"\b(?:same|instead|rather|(?:what|how) about|but (?:for|to)|switch|change)\b", re.IGNORECASE)
_AT = re.compile(r"\bat the ([a-z][\w' ]{2,30}?)(?=[,.?!]|$| (?:on|for|this|next)\b)", re.IGNORECASE)
_VENUE = re.compile(r"\bat (?:the )?([A-Z][\w'’]*(?: [A-Z][\w'’]*)*)")
_ABOUT = re.compile(r"\b(?:for|at|about|of|to see) (?:the )?((?:[\w'’&.-]+ ?){1,5})[?.!]*$", re.IGNORECASE)
_LONE_NAME = re.compile(  # "the rodeo", "2 for motor rodeo", "and what about hamlet?"
    r"^\W*(?:(?:no|ok|okay|and|or|actually)\W+)?(?:(?:(?:how|what) about|for|to|(?:\d+|one|two|three|four)"
    r"(?: tickets?)? (?:for|to)) )?(?:the |an? )?((?:[\w'’&.-]+ ?){1,4})\W*$",
    re.IGNORECASE,
)
_IS_THAT = re.compile(
    r"^\W*(?:(?:and|so|wait|sorry|ok|just to check|just checking)\W+)*(?:is|was|are|isn'?t|aren'?t)(?: n'?t)? "
    r"(?:that|it|this|they|those|the (?:show|event|game|concert|match)|my (?:tickets?|seats?|order))"
    r"(?: (?:tickets?|one|show|event|game|concert|match))?(?: (?:for|on|definitely|really|still|indeed))* ",
    re.IGNORECASE,
)
_SOMETHING_ELSE = re.compile(
    r"\b(?:something|anything) (?:else|different) (?:in|on)\b|\bwhat else is on\b", re.IGNORECASE
)
_NAMING = (Intent.OTHER, Intent.INFORM, Intent.FIND, Intent.BUY)


def hear_event(d: Dialogue, heard: Understanding) -> None:
    """The event, or what narrows it down: name, place, kind, day, hour."""
    slots, wish = heard.slots, d.wish
    if choose_pointed(d, slots) or choose_listed(d, slots) or choose_other(d, slots):
        return
    _doubt_former(d, heard)
    gone = d.event is not None and d.event.status != "on_sale"
    if d.event and not slots.event and (gone or _SOMETHING_ELSE.search(d.turn.text)) and _looks_elsewhere(d, slots):
        d.wish.other_than = d.wish.other_than | {d.event.event_id}
        d.focus, wish.query, wish.date, wish.browsing = None, None, None, True
    if slots.event and not _is_denial(heard, slots.event) and not _is_origin(d.turn.text, slots.event):
        _hear_event_name(d, heard, slots.event)
        place = _VENUE.search(d.turn.text)
        wish.venue = slots.venue or (place.group(1) if place else None)
    elif heard.topic and d.focus is None and not wish.has_criteria() and (about := _name_at_end(d.turn.text)):
        wish.query = about  # "the policy for echo canyon": a lower-case name of an unknown event
    elif d.focus is None and not wish.query and not slots.venue and (place := _AT.search(d.turn.text)):
        wish.query = place.group(1).strip()
    _hear_other_name(d, heard)
    if slots.venue and not slots.event and not (d.event and d.event.venue == slots.venue):
        wish.query, d.focus = slots.venue, None
    if slots.city and not (d.event and d.event.city.lower() == slots.city.name.lower()):
        wish.city = slots.city.name
        reopen(d)
    if slots.category and d.focus is None:
        wish.category = str(slots.category)
    if slots.any_date:
        wish.date = None
    day = _day(heard)
    if day and not (d.event and asks_day(d.turn.text)):
        wish.date = day
        if d.event and not day.covers(d.event.starts_at.date()):
            reopen(d)
    if slots.time_of_day or slots.clock:
        wish.time_of_day, wish.clock = slots.time_of_day, slots.clock


def asks_day(text: str) -> bool:
    """Whether the event in question is asked for its day ("is that on the 22nd?"), which wishes for no other."""
    return _IS_THAT.match(text) is not None


def stands_in_place(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words stands where a question names its event ("parking at gorgessa")."""
    return any(re.search(rf"\b(?:at|for|to|of) (?:the )?{re.escape(word)}\b", text, re.IGNORECASE) for word in words)


def _name_at_end(text: str) -> str | None:
    """What a question is about, where it ends in a name ("the policy for echo canyon"), not in a plain thing."""
    about = _ABOUT.search(text)
    return about.group(1).strip() if about and named_words(about.group(1)) else None


def _is_denial(heard: Understanding, mention: EventMention) -> bool:
    """ "Nah, leave it": the capital letter begins the sentence, and no name."""
    return heard.intent is Intent.DENY and mention.hint is None and _DENIAL.fullmatch(mention.surface) is not None


def _is_origin(text: str, mention: EventMention) -> bool:
    """Whether an unknown name is a place on the way: "a shuttle from Union Station"."""
    return (
        mention.hint is None and re.search(rf"\b(?:from|near) (?:the )?{re.escape(mention.surface)}", text) is not None
    )


def _hear_other_name(d: Dialogue, heard: Understanding) -> None:
    """Words that name nothing known, said after events were listed: perhaps the name of one that was not."""
    slots, wish = heard.slots, d.wish
    if heard.intent is Intent.OTHER and d.turn.asked in (Asked.MEANT, Asked.THIS) and (words := unknown_words(d)):
        wish.other_than = wish.other_than | {*d.listed}
        wish.query, d.focus, d.turn.renamed = " ".join(words), None, True
    if d.turn.asked is not Asked.WHICH or d.focus or heard.intent not in _NAMING or heard.topic:
        return
    if slots.event or slots.venue or slots.city or slots.category or slots.dates or slots.comparatives:
        return
    named = _LONE_NAME.match(d.turn.text)
    words = named_words(named.group(1)) if named and not slots.superlative else []
    if words:
        wish.query, wish.category, d.turn.renamed = " ".join(words), None, True


def _day(heard: Understanding) -> DateMention | None:
    """The day or span named; of two days the later wins where it corrects, else both count ("tonight or tomorrow")."""
    dates = heard.slots.dates
    if len(dates) == 2 and not heard.correction and dates[0].start <= dates[1].start:
        return DateMention(dates[0].start, dates[1].end, f"{dates[0].surface} or {dates[1].surface}")
    return heard.slots.date


def _hear_event_name(d: Dialogue, heard: Understanding, mention: EventMention) -> None:
    if _hear_other_of_series(d, mention):
        return
    if d.event and likeness(mention.name, d.event) >= SAME_EVENT and fit(mention.name, d.event):
        return
    naming = (
        heard.correction
        or heard.intent in (Intent.FIND, Intent.BUY, Intent.HOLD)
        or _INSTEAD.search(d.turn.text) is not None
        or d.turn.asked in (Asked.EVENT, Asked.WAIT)
        or _asks_about(d, heard, mention)
    )
    if d.focus and mention.hint is None and not naming:
        return  # a few capital letters inside an answer are no other event
    if d.turn.asked is Asked.WHICH:
        fitting = [id for id in d.listed if id in d.events and likeness(mention.name, d.events[id]) >= SAME_EVENT]
        if len(fitting) == 1:
            d.focus = fitting[0]
            d.wish.query = mention.name
            return
    if d.focus:
        d.wish.date = d.wish.city = None
    d.wish.query, d.focus, d.wish.category = mention.name, None, None
    passed = d.wish.other_than  # named again, an event is no longer passed over
    d.wish.other_than = frozenset(id for id in passed if id not in d.events or not fit(mention.name, d.events[id]))
    leave_seats(d.wish)


def _asks_about(d: Dialogue, heard: Understanding, mention: EventMention) -> bool:
    """Whether a question is about another event than the one in question; with seats held, that one stays."""
    if (
        (heard.topic is None and "?" not in d.turn.text)
        or d.hold
        or d.event is None
        or at_venue(mention.surface, d.event)
    ):
        return False
    beside = rf"\b(?:at|for|to|of|about|does|is|will) (?:the )?{re.escape(mention.surface)}"
    return re.search(beside, d.turn.text, re.IGNORECASE) is not None


def _looks_elsewhere(d: Dialogue, slots: Slots) -> bool:
    """Whether something else will do, now that the event named cannot be had."""
    other = Comparative.OTHER in slots.comparatives and not re.search(r"\bdates?\b", d.turn.text, re.IGNORECASE)
    return bool(slots.city or slots.category or other or re.search(r"\bsimilar\b|\blike that\b", d.turn.text, re.I))


def _doubt_former(d: Dialogue, heard: Understanding) -> None:
    """After a purchase, a request or a question with words yet unknown may name another event than the one bought."""
    if d.focus is None or d.wish.query or d.hold or heard.slots.event:
        return
    asks = d.turn.topic is not None and d.event is not None and stands_in_place(d.turn.text, words_beyond(d, d.event))
    buys = d.turn.topic is None and heard.intent is Intent.BUY and names_something(d)
    if asks or buys:
        d.former, d.focus = d.focus, None


def _hear_other_of_series(d: Dialogue, mention: EventMention) -> bool:
    """ "The evening show" of two that are alike but for a word of their names: the one that bears the name."""
    bearing = [event for event in d.events.values() if event.name == mention.hint and event.starts_at > d.now]
    alike = [d.events[id] for id in {*d.listed, d.focus or ""} if id in d.events and d.events[id].name != mention.hint]
    if len(bearing) != 1 or bearing[0].event_id == d.focus:
        return False
    if not any(likeness(event.name, bearing[0]) >= SAME_EVENT for event in alike):
        return False
    d.focus, d.wish.query = bearing[0].event_id, bearing[0].name
    d.task = Task.PURCHASE
    leave_seats(d.wish)
    return True

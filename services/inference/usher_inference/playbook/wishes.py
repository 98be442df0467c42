"""What a message changes about the event and the seats wished for."""

import re
from collections.abc import Sequence

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
from usher_inference.playbook.pointing import pointed_at
from usher_inference.playbook.state import Dialogue, Task, Wish
from usher_inference.understanding import Comparative, DateMention, EventMention, Intent, Slots, Understanding
from usher_inference.understanding.numbers import parse_count
from usher_shared.contracts.money import to_minor

_SAME_EVENT = 85.0
_OF_THEM = re.compile(r"\b(\w+) of (?:them|those|these|us|the (?:cheap|best|good)\w*)\b", re.IGNORECASE)
_AMENDED = re.compile(r"^\W*(?:(?:no|wait|sorry|actually|oops|hmm+|uh|i mean)[\s,.!]+)+(\w+)\W*$", re.IGNORECASE)
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
_DENIAL = re.compile(
    r"(?:no|nah|nope|not|never|mind|nevermind|leave|forget|skip|stop|cancel|don'?t|it|that|thanks|thank|you|[ ,.])+",
    re.IGNORECASE,
)
FRONT = re.compile(r"\bfront rows?\b", re.IGNORECASE)
_INSTEAD = re.compile(r"\b(?:same|instead|rather|(?:what|how) about|but (?:for|to)|switch|change)\b", re.IGNORECASE)
_AT = re.compile(r"\bat the ([a-z][\w' ]{2,30}?)(?=[,.?!]|$| (?:on|for|this|next)\b)", re.IGNORECASE)
_VENUE = re.compile(r"\bat (?:the )?([A-Z][\w'’]*(?: [A-Z][\w'’]*)*)")
_ABOUT = re.compile(r"\b(?:for|at|about|of|to see) (?:the )?((?:[\w'’&.-]+ ?){1,5})[?.!]*$", re.IGNORECASE)
_LONE_NAME = re.compile(  # "the rodeo", "2 for motor rodeo", "and what about hamlet?"
    r"^\W*(?:(?:no|ok|okay|and|or|actually)\W+)?(?:(?:(?:how|what) about|for|to|(?:\d+|one|two|three|four)"
    r"(?: tickets?)? (?:for|to)) )?(?:the |an? )?((?:[\w'’&.-]+ ?){1,4})\W*$",
    re.IGNORECASE,
)
_SOMETHING_ELSE = re.compile(
    r"\b(?:something|anything) (?:else|different) (?:in|on)\b|\bwhat else is on\b", re.IGNORECASE
)
_NAMING = (Intent.OTHER, Intent.INFORM, Intent.FIND, Intent.BUY)


def hear_event(d: Dialogue, heard: Understanding) -> None:
    """The event, or what narrows it down: name, place, kind, day, hour."""
    slots, wish = heard.slots, d.wish
    if _choose_pointed(d, slots) or _choose_listed(d, slots) or _choose_other(d, slots):
        return
    _doubt_former(d, heard)
    gone = d.event is not None and d.event.status != "on_sale"
    if d.event and not slots.event and (gone or _SOMETHING_ELSE.search(d.turn.text)) and _looks_elsewhere(d, slots):
        d.wish.other_than = d.wish.other_than | {d.event.event_id}
        d.focus, wish.query, wish.date, wish.browsing = None, None, None, True
    if slots.event and not _is_denial(heard, slots.event):
        _hear_event_name(d, heard, slots.event)
        place = _VENUE.search(d.turn.text)
        wish.venue = slots.venue or (place.group(1) if place else None)
    elif heard.topic and d.focus is None and not wish.has_criteria() and (named := _ABOUT.search(d.turn.text)):
        wish.query = named.group(1).strip()  # "the policy for echo canyon": a lower-case name of an unknown event
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
    if day:
        wish.date = day
        if d.event and not day.covers(d.event.starts_at.date()):
            reopen(d)
    if slots.time_of_day or slots.clock:
        wish.time_of_day, wish.clock = slots.time_of_day, slots.clock


def _beside_place(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words stands where a question names its event ("parking at gorgessa")."""
    return any(re.search(rf"\b(?:at|for|to|of) (?:the )?{re.escape(word)}\b", text, re.IGNORECASE) for word in words)


def _is_denial(heard: Understanding, mention: EventMention) -> bool:
    """ "Nah, leave it": the capital letter begins the sentence, and no name."""
    return heard.intent is Intent.DENY and mention.hint is None and _DENIAL.fullmatch(mention.surface) is not None


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


def _choose_pointed(d: Dialogue, slots: Slots) -> bool:
    chosen = pointed_at(d, slots)
    if chosen is None:
        return False
    if chosen.event_id != d.focus:
        d.focus, d.wish.query = chosen.event_id, chosen.name
        _leave_seats(d.wish)
    d.task = Task.PURCHASE
    return True


def _choose_listed(d: Dialogue, slots: Slots) -> bool:
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
    elif len(events) > 1 and (slots.superlative is Comparative.CHEAPER or _THE_CHEAPER.search(d.turn.text)):
        priced = [event for event in events if event.price_from is not None]
        chosen = min(priced, key=lambda event: event.price_from or 0.0) if priced else None
    if chosen:
        d.focus = chosen.event_id
        d.wish.query = d.wish.query or chosen.name
        d.task = Task.PURCHASE
    return chosen is not None


def chooses_by_number(d: Dialogue) -> bool:
    """Whether a bare number in the message picks one of the events just listed, and so counts no seats."""
    return d.turn.asked is Asked.WHICH and bool(d.listed) and _BARE_NUMBER.match(d.turn.text) is not None


def _choose_other(d: Dialogue, slots: Slots) -> bool:
    """ "No, the other one": of two listed events the other; of more, all but this one are open again."""
    if d.turn.asked is Asked.OTHER_WHAT and d.focus:
        return _answer_what(d)
    if d.focus is None or slots.event or slots.dates or not _THE_OTHER.search(d.turn.text):
        return False
    others = [d.events[id] for id in d.listed if id != d.focus and id in d.events]
    query = d.wish.query
    if not others and query:
        others = [e for e in d.events.values() if e.event_id != d.focus and likeness(query, e) >= _SAME_EVENT]
    others = [event for event in others if event.starts_at > d.now and event.event_id not in d.wish.other_than]
    if not others:
        d.turn.unsure_what = True
        return False
    _leave_seats(d.wish)
    d.wish.other_than = d.wish.other_than | {d.focus}
    d.task = Task.PURCHASE
    if len(others) == 1:
        d.focus, d.wish.query = others[0].event_id, others[0].name
        return True
    d.focus = None
    if not all(query and likeness(query, event) >= _SAME_EVENT for event in others):
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
    _leave_seats(d.wish)
    d.task = Task.PURCHASE
    return True


def _hear_event_name(d: Dialogue, heard: Understanding, mention: EventMention) -> None:
    if _hear_other_of_series(d, mention):
        return
    if d.event and likeness(mention.name, d.event) >= _SAME_EVENT and fit(mention.name, d.event):
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
        fitting = [id for id in d.listed if id in d.events and likeness(mention.name, d.events[id]) >= _SAME_EVENT]
        if len(fitting) == 1:
            d.focus = fitting[0]
            d.wish.query = mention.name
            return
    if d.focus:
        d.wish.date = d.wish.city = None
    d.wish.query, d.focus, d.wish.category = mention.name, None, None
    passed = d.wish.other_than  # named again, an event is no longer passed over
    d.wish.other_than = frozenset(id for id in passed if id not in d.events or not fit(mention.name, d.events[id]))
    _leave_seats(d.wish)


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


def _leave_seats(wish: Wish) -> None:
    """Another event: what was said of the seats of this one no longer counts."""
    wish.section = wish.row = wish.avoid = None
    wish.passed = frozenset()
    if wish.relative:
        wish.each, wish.relative = None, False


def _looks_elsewhere(d: Dialogue, slots: Slots) -> bool:
    """Whether something else will do, now that the event named cannot be had."""
    other = Comparative.OTHER in slots.comparatives and not re.search(r"\bdates?\b", d.turn.text, re.IGNORECASE)
    return bool(slots.city or slots.category or other or re.search(r"\bsimilar\b|\blike that\b", d.turn.text, re.I))


def _doubt_former(d: Dialogue, heard: Understanding) -> None:
    """After a purchase, a request or a question with words yet unknown may name another event than the one bought."""
    if d.focus is None or d.wish.query or d.hold or heard.slots.event:
        return
    asks = d.turn.topic is not None and d.event is not None and _beside_place(d.turn.text, words_beyond(d, d.event))
    buys = d.turn.topic is None and heard.intent is Intent.BUY and names_something(d)
    if asks or buys:
        d.former, d.focus = d.focus, None


def _hear_other_of_series(d: Dialogue, mention: EventMention) -> bool:
    """ "The evening show" of two that are alike but for a word of their names: the one that bears the name."""
    bearing = [event for event in d.events.values() if event.name == mention.hint and event.starts_at > d.now]
    alike = [d.events[id] for id in {*d.listed, d.focus or ""} if id in d.events and d.events[id].name != mention.hint]
    if len(bearing) != 1 or bearing[0].event_id == d.focus:
        return False
    if not any(likeness(event.name, bearing[0]) >= _SAME_EVENT for event in alike):
        return False
    d.focus, d.wish.query = bearing[0].event_id, bearing[0].name
    d.task = Task.PURCHASE
    _leave_seats(d.wish)
    return True


def reopen(d: Dialogue) -> None:
    """The event is open again, but its name still counts."""
    if d.event and not d.wish.query:
        d.wish.query = d.event.name
    d.focus = None
    d.wish.passed = frozenset()
    if d.wish.relative:
        d.wish.each, d.wish.relative = None, False


def hear_seats(d: Dialogue, heard: Understanding) -> None:
    """How many seats, where, for how much, and how they should differ from those shown."""
    slots, wish = heard.slots, d.wish
    if chooses_by_number(d):
        return
    _hear_quantity(d, slots)
    if slots.section:
        wish.section, wish.row, wish.cheapest = slots.section, None, False
        wish.seat_ids = wish.seat_numbers = ()
    if slots.section_refused:
        wish.avoid = slots.section_refused
        if wish.section and wish.section.lower() == wish.avoid.lower():
            wish.section = None
    if slots.row and not FRONT.search(d.turn.text):  # the best seats are the foremost, whatever their row is called
        shown = (d.hold.seats if d.hold else None) or d.offer
        wish.row, wish.near = slots.row, shown[0].section if shown else None
    if slots.seat_ids or slots.seat_numbers:
        wish.seat_ids, wish.seat_numbers = slots.seat_ids, slots.seat_numbers
        wish.quantity = wish.quantity or len(slots.seat_ids or slots.seat_numbers)
    if slots.max_price_each is not None:
        wish.each = slots.max_price_each
    if slots.max_price_total is not None:
        wish.total = slots.max_price_total
    if slots.adjacent is not None:
        wish.apart_is_fine = not slots.adjacent
    if slots.accessible:
        wish.accessible = True
    _hear_comparison(d, slots, wish)


def _hear_quantity(d: Dialogue, slots: Slots) -> None:
    wish, before = d.wish, d.wish.quantity
    if slots.quantity is not None:
        wish.quantity = slots.quantity
    elif slots.quantity_delta is not None:
        wish.quantity = max(1, (wish.quantity or 0) + slots.quantity_delta)
    elif d.focus and (again := _AMENDED.match(d.turn.text)):
        wish.quantity = parse_count(again.group(1).lower()) or wish.quantity
    elif wish.quantity is None and (some := _OF_THEM.search(d.turn.text)):
        wish.quantity = parse_count(some.group(1).lower())
    if d.hold and d.most_seats and (wish.quantity or 0) > d.most_seats:
        d.turn.too_many, wish.quantity = wish.quantity, before  # the held seats stay until the limit is named


def _hear_comparison(d: Dialogue, slots: Slots, wish: Wish) -> None:
    shown = (d.hold.seats if d.hold else None) or d.offer
    if slots.max_price_each is not None:
        wish.relative = False
    if slots.superlative is Comparative.CHEAPER:
        wish.cheapest = True
        wish.section = slots.section
        wish.row = None
    elif Comparative.CHEAPER in slots.comparatives and shown and slots.max_price_each is None:
        wish.each, wish.relative = min(to_minor(seat.price, d.currency) for seat in shown) - 1, True
        wish.section = wish.row = None
        wish.seat_ids = wish.seat_numbers = ()
    elif {Comparative.BETTER, Comparative.CLOSER, Comparative.DEARER} & {*slots.comparatives, slots.superlative}:
        wish.cheapest = False
        if slots.max_price_each is None and slots.max_price_total is None and shown:
            wish.each = wish.total = None
    elif Comparative.OTHER in slots.comparatives and shown and not d.turn.unsure_what:
        wish.passed = wish.passed | {seat.id for seat in shown}
        wish.seat_ids = wish.seat_numbers = ()

"""What a message changes about the order in question."""

import re

from rapidfuzz import fuzz

from usher_inference.playbook.limits import sets_no_limit
from usher_inference.playbook.naming import unknown_words
from usher_inference.playbook.parts import read_part
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.understanding import Comparative, Intent, Slots
from usher_inference.understanding.numbers import parse_count
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import OrderView

_SAME_EVENT = 85.0
_AKIN = 75.0  # a single word, with a slip of the finger

CHEAPEST_UPGRADE = re.compile(r"cheapest upgrade\b.*?\bcosts \D{0,4}(?P<amount>\d[\d,]*(?:\.\d+)?)", re.IGNORECASE)
_ONE_OF = re.compile(r"\b(?:one|any|some|which) of (?:them|those|these|my orders)\b|\banother order\b", re.IGNORECASE)
_OTHER_ORDER = re.compile(r"\b(?:the|my) other (?:one|order|show|event|tickets|seats)\b", re.IGNORECASE)
_LATEST = re.compile(
    r"\b(?:last|latest|newest|most recent) (?:order|purchase|booking|one)\b|"
    r"\bjust (?:bought|booked|ordered|purchased)\b",
    re.IGNORECASE,
)
_ALL_ORDERS = re.compile(
    r"\b(?:both|all)(?: of)?(?: (?:my|our|the|these|those))? (?:\w+ )?(?:orders|bookings|purchases|of them)\b|"
    r"\b(?:all|everything) (?:of )?(?:my|our|i|we)(?: \w+)? (?:tickets|bought|booked|ordered|have)\b|"
    r"\bevery (?:order|ticket i have)\b",
    re.IGNORECASE,
)
_ALL_ALONE = re.compile(
    r"^\W*(?:(?:i mean|yes|please|refund|cancel)\W+)*(?:both|all|everything|each)(?: of (?:them|those|the orders))?"
    r"(?: please)?\W*$",
    re.IGNORECASE,
)
_VERBS = {Task.REFUND: "refund order", Task.CREDIT: "store credit for order", Task.UPGRADE: "upgrade order"}
_BARE_PLACE = re.compile(r"^\W*(?:number |no\.? |#)?(\d{1,2}|one|two|three|four|five)(?: please)?\W*$", re.IGNORECASE)
_WORDS_OF_ORDER = r"(?:tickets?|seats?|orders?|bookings?|purchase|reservation|ones?|tix)"


def hear_order_details(d: Dialogue, slots: Slots) -> None:
    """Which order, which of its seats, and how far an upgrade may go."""
    d.turn.order_chosen = _take_all(d) or _choose_listed(d, slots)
    if not d.turn.order_chosen:
        _choose_named(d, slots)
    if d.task in (Task.REFUND, Task.CREDIT, Task.EXCHANGE):
        asked = d.turn.asked in (Asked.SEATS_BACK, Asked.SEATS_PART)
        d.part = read_part(d.turn.order_words or d.turn.text, slots, d.part, asked=asked)
    if d.task is Task.UPGRADE:
        _hear_upgrade(d, slots)


def _take_all(d: Dialogue) -> bool:
    """ "Both my orders": the first of them now, the others in turn."""
    text = d.turn.order_words or d.turn.text
    alone = d.turn.asked is Asked.ORDER and _ALL_ALONE.match(text) is not None
    coming = [order for order in d.orders.values() if is_open(d, order)]
    verb = _VERBS.get(d.task)
    if verb is None or len(coming) < 2 or not (alone or _ALL_ORDERS.search(text)):
        return False
    first, *others = coming
    d.order_focus, d.order_unknown = first.order_id, ""
    d.later = tuple(dict.fromkeys([*(f"{verb} {order.order_id}" for order in others), *d.later]))
    return True


def _choose_listed(d: Dialogue, slots: Slots) -> bool:
    """One order by its id, by its place in the list, or as the one just spoken of."""
    text, choices = d.turn.order_words or d.turn.text, d.order_choices
    bare = _BARE_PLACE.match(text) if d.turn.asked is Asked.ORDER else None
    place = slots.ordinal or (parse_count(bare[1].lower()) if bare else None)
    if slots.order_id:
        d.order_focus = slots.order_id
    elif d.turn.asked is Asked.THAT_ORDER and d.turn.heard and d.turn.heard.intent is Intent.AFFIRM and choices:
        d.order_focus = choices[0]
    elif place and choices and d.turn.asked is not Asked.SEATS_BACK and d.turn.asked is not Asked.SEATS_PART:
        at = place - 1 if place > 0 else place
        if -len(choices) <= at < len(choices):
            d.order_focus = choices[at]
    elif _LATEST.search(text) and d.orders:
        d.order_focus = next(iter(d.orders))  # they are listed newest first
    elif len(d.orders) == 2 and d.order_focus in d.orders and _OTHER_ORDER.search(text):
        d.order_focus = next(order for order in d.orders if order != d.order_focus)
    elif _ONE_OF.search(text) and d.turn.asked not in (Asked.SEATS_BACK, Asked.SEATS_PART):
        d.order_focus = None
    else:
        return False
    d.order_unknown = ""
    return True


def _choose_named(d: Dialogue, slots: Slots) -> None:
    """The orders that the message's name, day, city or section fits: one of them is in question, or none is."""
    event = slots.event.name if slots.event and _is_meant(d, slots.event.surface, slots) else None
    if not d.orders or not (event or slots.date or slots.city or slots.venue):
        d.order_unknown = _unknown_name(d) if d.orders else ""
        d.order_focus = None if d.order_unknown else d.order_focus
        return
    coming = [order for order in d.orders.values() if order.seats]
    named = [order for order in coming if event is None or likeness(event, order.event_name) >= _SAME_EVENT]
    dated = [order for order in named if slots.date is None or slots.date.covers(order.starts_at.date())]
    if event is None and slots.date is None:  # a city or a venue narrows only where the events are known
        known = {order.order_id: d.events[order.event_id] for order in coming if order.event_id in d.events}
        dated = [o for o in coming if o.order_id in known and _is_at(known[o.order_id], slots)] or coming
    d.order_pool = tuple(order.order_id for order in dated)
    d.order_focus = dated[0].order_id if len(dated) == 1 else (None if dated else d.order_focus)
    if not dated:
        d.order_focus = None
        d.order_unknown = (slots.event.surface if event and slots.event else "") or (
            slots.date.surface if slots.date else ""
        )
    else:
        d.order_unknown = ""


def _unknown_name(d: Dialogue) -> str:
    """A word that stands where an order's event is named ("my hamlet tickets") and fits none of the orders."""
    text = d.turn.order_words or d.turn.text
    for word in unknown_words(d):
        beside = rf"\b(?:my|our) (?:[\w'-]+ )?{re.escape(word)}(?: [\w'-]+)? {_WORDS_OF_ORDER}\b|"
        beside += rf"\b{_WORDS_OF_ORDER} (?:for|to) (?:the )?{re.escape(word)}\b"
        known = any(fuzz.partial_ratio(word, order.event_name.lower()) >= _AKIN for order in d.orders.values())
        if not known and re.search(beside, text, re.IGNORECASE):
            return word
    return ""


def _is_at(event: object, slots: Slots) -> bool:
    city, venue = getattr(event, "city", ""), getattr(event, "venue", "")
    return bool((slots.city and slots.city.name.lower() == city.lower()) or (slots.venue and slots.venue == venue))


def _is_meant(d: Dialogue, surface: str, slots: Slots) -> bool:
    """Whether a name in the message is said of an order: the catalogue knows it, or it stands beside "tickets"."""
    if slots.event and slots.event.hint:
        return True
    if any(likeness(surface, order.event_name) >= _SAME_EVENT for order in d.orders.values()):
        return True
    name = re.escape(surface)
    beside = rf"\b{name} {_WORDS_OF_ORDER}\b|\b{_WORDS_OF_ORDER} (?:for|to|of) (?:the )?{name}"
    return re.search(beside, d.turn.order_words or d.turn.text, re.IGNORECASE) is not None


def _hear_upgrade(d: Dialogue, slots: Slots) -> None:
    d.upgrade_section = slots.section or d.upgrade_section
    limits = (slots.max_price_delta, slots.max_price_total, slots.max_price_each)
    d.upgrade_delta = next((limit for limit in limits if limit is not None), d.upgrade_delta)
    if d.turn.asked is Asked.LIMIT and not any(limits) and d.turn.heard and d.turn.heard.intent is Intent.AFFIRM:
        least = CHEAPEST_UPGRADE.search(d.last_text)  # a yes to what the cheapest upgrade costs
        d.upgrade_delta = to_minor(float(least["amount"].replace(",", "")), d.currency) if least else d.upgrade_delta
    unlimited = not any(limits) and sets_no_limit(d.turn.text, asked=d.turn.asked is Asked.LIMIT)
    if unlimited:
        d.upgrade_delta = None
    d.upgrade_any = d.upgrade_any or unlimited or slots.superlative is Comparative.BETTER
    if d.turn.asked in (Asked.LIMIT, Asked.PERSON) and slots.quantity and not any(limits):
        d.upgrade_delta = slots.quantity * 100  # a bare number where an amount stands to question


def likeness(query: str, name: str) -> float:
    """0..100: how well the words name an event of that name."""
    return fuzz.token_set_ratio(query.lower(), name.lower())


def is_open(d: Dialogue, order: OrderView) -> bool:
    """Whether the order may still be changed: it has seats, and the event is to come."""
    return bool(order.seats) and order.starts_at > d.now

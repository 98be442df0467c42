"""What a message changes about the order in question."""

import re

from rapidfuzz import fuzz

from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.understanding import Comparative, Intent, Slots
from usher_shared.contracts.money import to_minor

_SAME_EVENT = 85.0
NO_LIMIT = re.compile(
    r"\bno (?:limit|max|preference|budget)\b|\b(?:doesn'?t|don'?t) (?:matter|mind|care)\b|\bany(?:thing)?\b|"
    r"\bwhatever\b|\bbest\b",
    re.IGNORECASE,
)


CHEAPEST_UPGRADE = re.compile(r"cheapest upgrade\b.*?\bcosts \D{0,4}(?P<amount>\d[\d,]*(?:\.\d+)?)", re.IGNORECASE)
_ONE_OF = re.compile(r"\b(?:one|any|some|which) of (?:them|those|these|my orders)\b|\banother order\b", re.IGNORECASE)
_OTHER_ORDER = re.compile(r"\b(?:the|my) other (?:one|order|show|event|tickets|seats)\b", re.IGNORECASE)


def hear_order_details(d: Dialogue, slots: Slots) -> None:
    """Which order, which of its seats, and how far an upgrade may go."""
    if slots.order_id:
        d.order_focus = slots.order_id
    elif slots.ordinal and d.order_choices:
        place = slots.ordinal - 1 if slots.ordinal > 0 else slots.ordinal
        if -len(d.order_choices) <= place < len(d.order_choices):
            d.order_focus = d.order_choices[place]
    elif slots.event or slots.date:
        named = [
            order.order_id
            for order in d.orders.values()
            if (slots.event is None or _likeness(slots.event.name, order.event_name) >= _SAME_EVENT)
            and (slots.date is None or slots.date.covers(order.starts_at.date()))
        ]
        d.order_focus = named[0] if len(named) == 1 else d.order_focus
    elif len(d.orders) == 2 and d.order_focus in d.orders and _OTHER_ORDER.search(d.turn.text):
        d.order_focus = next(order for order in d.orders if order != d.order_focus)
    elif _ONE_OF.search(d.turn.text):
        d.order_focus = None
    d.upgrade_section = slots.section or d.upgrade_section
    limits = (slots.max_price_delta, slots.max_price_total, slots.max_price_each)
    d.upgrade_delta = next((limit for limit in limits if limit is not None), d.upgrade_delta)
    if d.turn.asked is Asked.LIMIT and not any(limits) and d.turn.heard and d.turn.heard.intent is Intent.AFFIRM:
        least = CHEAPEST_UPGRADE.search(d.last_text)  # a yes to what the cheapest upgrade costs
        d.upgrade_delta = to_minor(float(least["amount"].replace(",", "")), d.currency) if least else d.upgrade_delta
    unlimited = d.turn.asked is Asked.LIMIT and NO_LIMIT.search(d.turn.text) is not None
    d.upgrade_any = d.upgrade_any or unlimited or slots.superlative is Comparative.BETTER
    if d.task is Task.UPGRADE and d.turn.asked in (Asked.LIMIT, Asked.PERSON) and slots.quantity and not any(limits):
        d.upgrade_delta = slots.quantity * 100  # a bare number where an amount stands to question
    d.refund_numbers = slots.seat_numbers or d.refund_numbers


def _likeness(query: str, name: str) -> float:
    """0..100: how well the words name an event of that name."""
    return fuzz.token_set_ratio(query.lower(), name.lower())

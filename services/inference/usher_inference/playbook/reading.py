"""Understanding a text in the light of the dialogue: its moment, the last question, and the names known so far."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from usher_inference.playbook import sections
from usher_inference.playbook.state import Dialogue
from usher_inference.understanding import (
    CatalogueHints,
    Intent,
    Understanding,
    UnderstandingContext,
    understand,
)
from usher_inference.understanding.rules import asked_rule

_OF_RULES = (Intent.REFUND, Intent.EXCHANGE, Intent.BUY, Intent.FIND, Intent.QUESTION, Intent.INFORM, Intent.OTHER)


@lru_cache(maxsize=4096)
def _understand(text: str, context: UnderstandingContext) -> Understanding:
    heard = understand(text, context)
    rule = asked_rule(text) if heard.slots.order_id is None and heard.intent in _OF_RULES else None
    return replace(heard, intent=Intent.QUESTION, topic=rule) if rule else heard


def read(d: Dialogue, text: str) -> Understanding:
    """What the customer's words mean here."""
    return _understand(text, UnderstandingContext(_noon(d), d.last_text, _hints(d)))


def read_of_orders(d: Dialogue, text: str) -> Understanding:
    """The same of words about what the customer has: the events of the orders, and those waited for, are known too."""
    hints = _hints(d)
    had = [*(order.event_name for order in d.orders.values()), *(entry.event_name for entry in d.entries.values())]
    hints = replace(hints, events=tuple(dict.fromkeys([*had, *hints.events])))
    return _understand(text, UnderstandingContext(_noon(d), d.last_text, hints))


def _noon(d: Dialogue) -> datetime:
    # Days are resolved from noon so that a conversation's earlier messages are understood alike in each call.
    return d.now.replace(hour=12, minute=0, second=0, microsecond=0)


def _hints(d: Dialogue) -> CatalogueHints:
    events, infos = d.events.values(), d.infos.values()
    return CatalogueHints(
        events=tuple(dict.fromkeys(event.name for event in events)),
        performers=tuple(dict.fromkeys(name for info in infos for name in info.performers)),
        cities=tuple(dict.fromkeys(event.city for event in events)),
        venues=tuple(dict.fromkeys(event.venue for event in events)),
        sections=tuple(dict.fromkeys(name for info in infos for name in sections.names(info))),
    )

"""Comparing what two events, or one event's two days, cost."""

import re
from collections.abc import Sequence

from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.events import narrow, search_arguments
from usher_inference.playbook.naming import Fit, fit
from usher_inference.playbook.phrases import Asked, event_list, listing, money, money_minor, quoted
from usher_inference.playbook.reading import read
from usher_inference.playbook.state import Dialogue, Wish, call_key
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import EventSummary

_DEAR = (
    r"(?:cheap(?:er|est)|less expensive|more expensive|dearer|pric(?:ey|ier)|better (?:value|deal)|"
    r"costs? (?:less|more))"
)
_SIDES = r"(?P<one>.+?),? (?:or|and|than|with|against|to) (?:the |for )?(?P<other>.+?)"
# A name: no day, no number, no part of the house.
_NAMED = (
    r"(?!(?:this|next|on|tonight|tomorrow|today|the weekend|\w+day|one|two|three|four|five|six|me|my|us|our)\b)"
    r"(?!.*\b(?:row|section|in|on|at|from|under)\b)[a-z][\w'’&. -]{2,40}?"
)
_COMPARES = tuple(
    re.compile(words, re.IGNORECASE | re.DOTALL)
    for words in (
        rf"\b(?:which|what)(?: one)?(?:'?s| is| are| would be)? (?:the )?{_DEAR}(?: one)?[\s,:?-]+"
        rf"(?:between |of )?{_SIDES}\W*$",
        rf"\b(?:is|are) (?:the )?{_SIDES} {_DEAR}\W*$",
        rf"\b(?:is|are) (?:the )?(?P<one>.+?) {_DEAR} than (?:the |for )?(?P<other>.+?)\W*$",
        rf"\bcompare (?:the )?(?:(?:ticket )?(?:prices?|costs?|tickets?) )?(?:of |for |between )?(?:the )?{_SIDES}"
        r"(?: for me| please)?\W*$",
        rf"\b(?:price )?difference (?:in price )?between (?:the )?{_SIDES}\W*$",
        rf"^\W*{_SIDES}[,:?;.\s]+(?:so )?(?:which|what)(?: one)?(?:'s| is| are| has| costs?) .*"
        rf"(?:{_DEAR}|less|more)\W*$",
        rf"\b(?:cheapest|lowest[- ]priced|least expensive)\b[\w ]{{0,25}}\b(?:for|to|of) (?:either )?(?:the )?"
        rf"(?P<one>{_NAMED}) or (?:the |for )?(?P<other>{_NAMED})(?: please)?\W*$",
    )
)


def read_comparison(text: str) -> tuple[str, str] | None:
    """The two that are to be compared, as named; None for any other message."""
    if len(text) > 200 or not re.search(r"cheap|expensive|dear|pric|compar|cost|value|deal", text, re.IGNORECASE):
        return None
    found = next((match for words in _COMPARES if (match := words.search(text))), None)
    if found is None:
        return None
    one, other = (
        re.sub(r"^(?:tickets? (?:for|to) |the )", "", found[side].strip(" ,.?!")) for side in ("one", "other")
    )
    return (one, other) if one and other else None


def answer(d: Dialogue) -> Act | None:
    """What the two cost and which costs less, or the searches that tell; None where nothing is compared."""
    if d.turn.compared is None:
        return None
    wishes = [_wish(d, words) for words in d.turn.compared]
    found: list[EventSummary] = []
    for words, wish in zip(d.turn.compared, wishes, strict=True):
        arguments = search_arguments(wish)
        known = d.searches.get(call_key(arguments))
        if known is None:
            if d.turn.tried("search_events", arguments) or not d.can("search_events"):
                return Say(f"I couldn't look up the prices just now, sorry. {Asked.RETRY.value}")
            return Call("search_events", arguments)
        one = _cheapest([d.events[id] for id in known], wish, d)
        if one is None:
            return Say(f"I found no events for {quoted(words)}, so I can't compare. {Asked.EVENT.value}")
        found.append(one)
    return _tell(d, found)


def _wish(d: Dialogue, words: str) -> Wish:
    """What to search for: the name said, or a day of the event in question."""
    slots = read(d, words).slots
    if slots.date and slots.event is None and (name := d.event.name if d.event else d.wish.query):
        return Wish(query=name, date=slots.date)
    return Wish(query=words)


def _cheapest(events: Sequence[EventSummary], wish: Wish, d: Dialogue) -> EventSummary | None:
    coming = [event for event in events if event.starts_at > d.now and event.status in ("on_sale", "sold_out")]
    named = [
        event for event in narrow(coming, wish, keep_dates=True) if wish.query and fit(wish.query, event) > Fit.NOT
    ]
    priced = [event for event in named if event.price_from is not None]
    return min(priced, key=lambda event: event.price_from or 0.0) if priced else next(iter(named), None)


def _tell(d: Dialogue, found: Sequence[EventSummary]) -> Say:
    priced = [event for event in found if event.price_from is not None]
    lines = event_list(found)
    if len({event.event_id for event in found}) == 1:
        return Say(f"Both lead to the same event:\n{lines}\n{Asked.EVENT.value}")
    if len(priced) < len(found) or len({event.currency for event in found}) > 1:
        return Say(f"This is what I find:\n{lines}\n{Asked.WHICH.value}")
    low, high = sorted(priced, key=lambda event: to_minor(event.price_from or 0.0, event.currency))
    if low.price_from == high.price_from:
        verdict = f"Both start at {money(low.price_from or 0.0, low.currency)} a seat."
    else:
        verdict = f"{low.name} ({low.local_start}) is the cheaper one, at the lowest price."
    quantity = d.wish.quantity
    if quantity and quantity > 1:
        sums = [money_minor(to_minor(e.price_from or 0.0, e.currency) * quantity, e.currency) for e in found]
        verdict += f" For {quantity} that is {listing(sums)} at least, before any fees."
    return Say(f"{lines}\n{verdict} {Asked.WHICH.value}")

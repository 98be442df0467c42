"""Answering questions from an event's own data; what is not known is said to be unknown."""

import re

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.events import find_event, learn_names
from usher_inference.playbook.facts import NAMES, asks_whether_held, fact_of, tell
from usher_inference.playbook.knowledge import SURE, consult, searched
from usher_inference.playbook.naming import likeness
from usher_inference.playbook.order_wishes import likeness as names_alike
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.reading import read_of_orders
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.understanding import Topic
from usher_inference.understanding.topics import read_topics
from usher_shared.contracts.tools import EventInfo, HoldTickets

_HOW_LONG = re.compile(
    r"\bhow (?:long|much time) (?:do|have|can) (?:i|we)\b|\b(?:hold|seats?) (?:expire|run out|last)|"
    r"\bhow long (?:do|will|can|are) (?:you )?(?:hold|keep|(?:the |my |our )?seats? (?:be )?(?:held|kept))",
    re.I,
)
_OWN_TICKETS = re.compile(
    r"\b(?:my|our) (?:[\w'&.-]+ ){0,3}?(?:tickets?|seats?|orders?|bookings?|purchases?)\b", re.IGNORECASE
)
_OF_ENTRY = re.compile(r"\b(?:doors?|gates?|opens?|admitted|admission|entry|entrances?|arrive)\b", re.IGNORECASE)
_SAME_EVENT = 90.0
_HOLD_MINUTES = HoldTickets.model_fields["expires_in_seconds"].default // 60
_OF_VENUE = frozenset(
    {Topic.ACCESSIBILITY, Topic.DOORS, Topic.PARKING, Topic.BAGS, Topic.TRANSPORT, Topic.FOOD, Topic.VENUE}
)

# What the house's documents may tell more of than the catalogue does.
_OF_HOUSE = _OF_VENUE | {Topic.AGE, Topic.DELIVERY, Topic.TRANSFER, Topic.POLICY}

# What all the dates of one event share.
_OF_SERIES = frozenset({Topic.AGE, Topic.PROGRAMME, Topic.ACCESSIBILITY, Topic.DELIVERY})

_OF_CHANGES = (Asked.ORDER, Asked.LIMIT, Asked.SEATS_BACK, Asked.SEATS_PART, Asked.INSTEAD, Asked.WAIT_COUNT)
_OF_SEATS = frozenset({Topic.SEATING, Topic.AVAILABILITY})


def answer(d: Dialogue, topic: Topic) -> Act | None:
    """The answer to the question, or the call that looks it up; None when the running flow answers it better."""
    known = _answer_at_once(d, topic)
    if known:
        return Say(f"{known} {_continuation(d)}".strip())
    if topic is Topic.OTHER or (topic in _OF_SEATS and d.task is Task.PURCHASE and d.turn.seat_terms_changed):
        return None  # "what about section 102?" is answered by seats
    unsettled = (
        _settle_own(d, topic)
        or _settle_former(d)
        or (_no_event(d, topic) if d.focus is None and not d.wish.has_criteria() else None)
    )
    if unsettled:
        return unsettled
    step = find_event(d)
    if isinstance(step, Call):
        return step
    if step:
        return _common(d, topic) or step
    info = d.infos.get(d.focus or "")
    if info is None:
        return _look_up(d)
    more = [other for other in read_topics(d.turn.text) if other in NAMES or other in (Topic.TIME, Topic.VENUE)]
    fact = fact_of(info, topic)
    found = _from_documents(d, topic, info, fact or "") if set(more) <= {topic} else None
    if found:
        return found
    told = list(dict.fromkeys(tell(info, one, d) for one in dict.fromkeys([topic, *more[:3]])))
    if fact and told[0] == fact and searched(d):
        told[0] = f"I know no more of it than this: {fact}"
    going_on = "" if told[-1].endswith("?") else _continuation(d)
    return Say(f"{' '.join(told)} {going_on}".strip())


def _from_documents(d: Dialogue, topic: Topic, info: EventInfo, fact: str) -> Act | None:
    """What the house's documents say beyond the catalogue's fact, or the call that looks it up."""
    if topic not in _OF_HOUSE or (topic is Topic.DOORS and fact) or asks_whether_held(d.turn.text):
        return None
    known = " ".join([fact, *NAMES.get(topic, ())])
    found = consult(d, info, known, least=0.0 if topic in NAMES else SURE)
    if isinstance(found, Say) and topic is Topic.DOORS and not _OF_ENTRY.search(found.text):
        return None  # the nearest passage speaks of something else
    return Say(f"{found.text} {_continuation(d)}".strip()) if isinstance(found, Say) else found


def _settle_own(d: Dialogue, topic: Topic) -> Act | None:
    """A rule that is asked of the customer's own tickets is that of the event they are for, if it is one."""
    if topic not in (Topic.REFUND_POLICY, Topic.EXCHANGE_POLICY) or not _OWN_TICKETS.search(d.turn.text):
        return None
    if not d.orders_listed and d.can("list_orders") and not d.turn.failures("list_orders"):
        return Call("list_orders")
    named = read_of_orders(d, d.turn.text).slots.event
    events = {
        order.event_id
        for order in d.orders.values()
        if order.seats and (named is None or names_alike(named.name, order.event_name) >= _SAME_EVENT)
    }
    if len(events) == 1:
        (d.focus,) = events
    return None


def _settle_former(d: Dialogue) -> Act | None:
    """The search for a name in the question that may be another event's; else the event last bought is meant again."""
    if d.focus is None and d.former and not d.wish.has_criteria():
        unread = learn_names(d)
        if unread:
            return unread
        d.focus, d.former = d.former, None
    if d.focus is None and d.order_focus in d.orders and not d.wish.has_criteria():
        d.focus = d.orders[d.order_focus].event_id
    return None


def _no_event(d: Dialogue, topic: Topic) -> Act:
    """What a question gets that names no event that is known."""
    found = learn_names(d) or (consult(d) if topic in _OF_HOUSE else None)
    return found or Say(f"That depends on the event. {Asked.EVENT.value}")


def _answer_at_once(d: Dialogue, topic: Topic) -> str | None:
    """What needs no look-up: the assistant itself, the hold, the proposed total, how payment works."""
    if topic is Topic.CAPABILITIES:
        return phrases.CAPABILITIES
    if topic is Topic.TIME and d.hold and _HOW_LONG.search(d.turn.text):
        return f"Your seats are held {phrases.remaining(d.now, d.hold.expires_at)}."
    if topic is Topic.TIME and _HOW_LONG.search(d.turn.text) and d.event is None:
        return f"Seats that I hold stay yours for {_HOLD_MINUTES} minutes, and nothing is charged meanwhile."
    if topic is Topic.PAYMENT:
        return phrases.PAYMENT
    if topic in (Topic.PRICE, Topic.FEES) and d.hold and d.proposal and d.proposal.total is not None:
        return _total(d)
    if topic is Topic.FEES and d.infos.get(d.focus or "") is None:
        return phrases.FEES
    return None


def _common(d: Dialogue, topic: Topic) -> Act | None:
    """The answer that all the listed events share, because they share the venue."""
    listed = [d.events[id] for id in d.listed]
    same = topic in _OF_SERIES and all(likeness(listed[0].name, event) >= _SAME_EVENT for event in listed)
    if len({event.venue for event in listed}) != 1 or not (topic in _OF_VENUE or same):
        return None
    info = next((d.infos[event.event_id] for event in listed if event.event_id in d.infos), None)
    if info is None:
        d.focus = listed[0].event_id
        return _look_up(d)
    fact = fact_of(info, topic) if topic is Topic.ACCESSIBILITY else None  # free seats differ by event
    return Say(fact or tell(info, topic, d))


def _total(d: Dialogue) -> str:
    assert d.hold  # noqa: S101  the caller saw both
    assert d.proposal  # noqa: S101  likewise
    seats = f"{phrases.money(d.hold.subtotal, d.hold.currency)} for {phrases.seats(d.hold.seats)}"
    total = phrases.money(d.proposal.total or 0.0, d.proposal.currency or d.hold.currency)
    return f"The total is {total}, all in: {seats}, and the rest is fees and any taxes."


def _look_up(d: Dialogue) -> Act:
    arguments = {"event_id": d.focus or ""}
    if not d.can("get_event_info"):
        return Say(phrases.NO_TOOL)
    if d.turn.tried("get_event_info", arguments):
        return Say(f"I couldn't look that up just now, sorry. {Asked.RETRY.value}")
    return Call("get_event_info", arguments)


def _continuation(d: Dialogue) -> str:
    """The question that stood open before the customer asked something."""
    if d.kept or d.proposal or (d.event and d.event.status != "on_sale"):
        return ""
    if d.turn.asked in (Asked.OFFER, Asked.PREPARE, Asked.OTHER_SEATS, Asked.OTHER_DATES, Asked.WHICH):
        return d.turn.asked.value
    if d.turn.asked in _OF_CHANGES and d.task in (Task.UPGRADE, Task.REFUND, Task.CREDIT, Task.EXCHANGE, Task.JOIN):
        return d.turn.asked.value if d.turn.asked else ""
    if d.task is Task.PURCHASE and d.wish.quantity is None:
        return Asked.QUANTITY.value
    looking = d.task in (Task.PURCHASE, Task.NONE) and d.hold is None and d.wish.quantity is not None
    return Asked.LOOK.value if looking and d.event else ""

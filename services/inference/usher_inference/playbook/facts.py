"""What is told of an event and its venue, from the catalogue's own data."""

import re
from collections.abc import Callable, Mapping

from usher_inference.playbook import phrases
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.sections import sections_called
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.understanding import Topic
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import EventInfo

_WHETHER_HELD = re.compile(
    r"\b(?:is|was|are|has|have|been|got|gets?|did (?:they|you))\b.{0,60}\b(?:cancell?(?:ed)?|called off|scrapped)\b|"
    r"\bstill (?:happening|going ahead|taking place|(?:going )?on(?=\W*(?:$|tonight|today|tomorrow|this)))",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:if|when|in case|unless|suppos\w+|can|may|could|my|our) |\b(?:orders?|tickets?|bookings?)\b", re.IGNORECASE
)
_LONGEST = 600  # characters of a fact that are quoted
# What a fact or policy may be called in the catalogue, most telling first.
NAMES: dict[Topic, tuple[str, ...]] = {
    Topic.PARKING: ("parking",),
    Topic.BAGS: ("bag",),
    Topic.DOORS: ("door", "entry", "gate"),
    Topic.TRANSPORT: ("transport", "transit", "direction", "getting", "public"),
    Topic.FOOD: ("food", "drink", "concession"),
    Topic.AGE: ("age", "children", "kid"),
    Topic.ACCESSIBILITY: ("accessib", "wheelchair"),
    Topic.DELIVERY: ("deliver", "ticket", "mobile"),
    Topic.FEES: ("fee",),
    Topic.PAYMENT: ("payment", "pay"),
    Topic.REFUND_POLICY: ("refund", "cancel"),
    Topic.TRANSFER: ("transfer", "resale", "resell", "name"),
    Topic.EXCHANGE_POLICY: ("exchange", "transfer", "resale"),
}


def asks_whether_held(text: str) -> bool:
    """Whether it is asked if an event takes place, not what would be if it did not."""
    return _WHETHER_HELD.search(text) is not None and _SUPPOSED.search(text) is None


def tell(info: EventInfo, topic: Topic, d: Dialogue) -> str:
    tellers: dict[Topic, Callable[[EventInfo, Dialogue], str]] = {
        Topic.TIME: _when,
        Topic.DATE: _when,
        Topic.PRICE: _prices,
        Topic.AVAILABILITY: _available,
        Topic.SEATING: _sections,
        Topic.VENUE: _where,
        Topic.POLICY: _policies,
        Topic.ACCESSIBILITY: _accessible,
        Topic.PROGRAMME: _programme,
    }
    if info.status == "cancelled" and topic in (Topic.POLICY, Topic.REFUND_POLICY):
        return f"{phrases.named_event(info)} was cancelled. Whoever bought for it gets the money back."
    if topic is Topic.POLICY and asks_whether_held(d.turn.text):
        return f"{info.name} has not been cancelled: it is on {info.local_start} at {info.venue}."
    if topic in tellers:
        return tellers[topic](info, d)
    found = fact_of(info, topic)
    if found or topic is Topic.FEES:
        return found or phrases.FEES
    return (
        f"I have no information on that for {phrases.named_event(info)}, and I don't want to guess. "
        f"{Asked.PERSON.value if d.task is Task.NONE else 'A person at our support desk can find out; just ask.'}"
    )


def fact_of(info: EventInfo, topic: Topic) -> str | None:
    names = NAMES.get(topic, ())
    for source in (info.venue_info.facts, info.policies):
        found = _named(source, names)
        if found:
            return found
    return None


def _named(source: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        for key, text in source.items():
            if name in key.lower() and text.strip():
                return _sentence(text)
    return None


def _sentence(text: str) -> str:
    flat = " ".join(text.split())[:_LONGEST]
    return flat if flat[-1] in ".!?" else f"{flat}."


def _when(info: EventInfo, d: Dialogue) -> str:
    doors = fact_of(info, Topic.DOORS)
    return f"{info.name} starts {info.local_start} at {info.venue}." + (f" {doors}" if doors else "")


def _where(info: EventInfo, d: Dialogue) -> str:
    return f"{info.name} is at {info.venue}, {info.venue_info.address}, {info.city}."


def _programme(info: EventInfo, d: Dialogue) -> str:
    parts = [_sentence(info.description)] if info.description.strip() else []
    if info.performers:
        parts.append(f"On stage: {phrases.listing(info.performers)}.")
    about = " ".join(parts)
    return f"{phrases.named_event(info)}: {about}" if about else f"I know no more of {phrases.named_event(info)}."


def _prices(info: EventInfo, d: Dialogue) -> str:
    free = [section for section in info.sections if section.available > 0]
    called = {section.section for section in sections_called(info, d.wish.section)} if d.wish.section else set()
    there = [section for section in free if section.section in called]
    free = there or free
    if not free:
        return f"{phrases.named_event(info)} is sold out."
    low = min(section.price.min for section in free)
    high = max(section.price.max for section in free)
    if low == high:
        span = f"cost {phrases.money(low, info.currency)}"
    else:
        span = f"cost from {phrases.money(low, info.currency)} to {phrases.money(high, info.currency)}"
    if low == high and d.wish.quantity and d.wish.quantity > 1:
        whole = to_minor(low, info.currency) * d.wish.quantity
        span += f" each, {phrases.money_minor(whole, info.currency)} for {d.wish.quantity},"
    else:
        span += " each"
    named = f" in section {free[0].section}" if len(there) == 1 else ""
    return f"Seats{named} for {phrases.named_event(info)} {span} before any fees."


def _available(info: EventInfo, d: Dialogue) -> str:
    if info.available <= 0 or info.status == "sold_out":
        waits = f" {phrases.WAITS_FOR}" if d.can("join_wait_list") else ""
        return f"I'm sorry, {phrases.named_event(info)} is sold out.{waits}"
    free = phrases.count(info.available, "seat")
    return f"{free} {'is' if info.available == 1 else 'are'} free for {phrases.named_event(info)}."


def _sections(info: EventInfo, d: Dialogue) -> str:
    free = [section for section in info.sections if section.available > 0][:8]
    if not free:
        return f"{phrases.named_event(info)} has no free seats."
    lines = [
        f"{section.section} ({section.name}): from {phrases.money(section.price.min, info.currency)}, "
        f"{section.available} free"
        for section in free
    ]
    return f"Sections with free seats for {phrases.named_event(info)}: {'; '.join(lines)}."


def _accessible(info: EventInfo, d: Dialogue) -> str:
    free = sum(section.accessible_available for section in info.sections)
    known = fact_of(info, Topic.ACCESSIBILITY)
    seats = (
        f"{phrases.count(free, 'accessible seat')} {'is' if free == 1 else 'are'} free"
        if free
        else ("No accessible seats are free")
    )
    return " ".join(part for part in (known, f"{seats} for {phrases.named_event(info)}.") if part)


def _policies(info: EventInfo, d: Dialogue) -> str:
    told = [_sentence(text) for text in info.policies.values() if text.strip()]
    return " ".join(told)[: _LONGEST * 2] or "I have no policy text for this event."

"""Understanding one customer message: the readers in turn, each on what the ones before left open."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

from usher_inference.understanding.catalogue import find_named, find_part, match_surface
from usher_inference.understanding.category import read_category
from usher_inference.understanding.choices import offers_choice, read_comparatives, read_ordinal, read_superlative
from usher_inference.understanding.clock import claim_greeting, read_clock, read_time_of_day
from usher_inference.understanding.dates import read_dates, says_any_date
from usher_inference.understanding.intents import weigh_intents
from usher_inference.understanding.introductions import claim_introduction
from usher_inference.understanding.model import (
    CatalogueHints,
    EventMention,
    Intent,
    Slots,
    Topic,
    Understanding,
    UnderstandingContext,
)
from usher_inference.understanding.money import read_prices
from usher_inference.understanding.names import asks_event, cut_counted, cut_lone_name, cut_name, cut_versus
from usher_inference.understanding.passage import MASK, Passage
from usher_inference.understanding.places import asks_city, read_city
from usher_inference.understanding.quantity import asks_count, read_company, read_quantity
from usher_inference.understanding.seating import (
    read_accessible,
    read_adjacent,
    read_aisle,
    read_ids,
    read_refused_section,
    read_row_and_seats,
    read_section,
)
from usher_inference.understanding.topics import is_question, read_topic

_READ_AT_MOST = 2000
_CORRECTION = re.compile(
    r"^\W*(?:no|nope|nah|sorry|oops|wait|hold on|hmm+|uh[- ]uh|not)\b(?! more than| later than)[\s,.!-]+\S|"
    r"\bactually\b|\bno,? wait\b|\bwait,? no\b|\bsorry\b|\binstead\b|\bi meant?\b|\bi said\b|"
    r"(?<!can't )(?<!cannot )(?<!not )\bmake (?:it|that)\b|\bchange (?:it|that|the)\b|\brather\b|"
    r"\bscratch that\b|\bnot (?:that|the|for)\b|\bswitch (?:it|that|to)\b|\bon second thought|\bcorrection\b"
)
_NEGATED = re.compile(
    r"^\W*(?:no|nope|nah|not|never|don'?t)\b|\b(?:don'?t|do not|not) (?:want|like|need|buy|book|charge|"
    r"interested|that|those|these|this)\b|\bno thanks?\b"
)
_ASKS_BUDGET = re.compile(
    r"\b(?:budget|price range|how much (?:would|do|are) you|spend|max(?:imum)? price|price limit)\b"
)
_ASKS_TOGETHER = re.compile(r"\b(?:together|next to each other|adjacent|split)\b")
_VS = r"\s+(?:vs?\.?|versus|against)\s+(?:the\s+)?"
_ONE_SIDE = re.compile(rf"{MASK}+{_VS}[a-z][\w'&-]{{2,}}|\b[a-z][\w'&-]{{2,}}{_VS}{MASK}+")
_CHANGES_IT = re.compile(r"\b(?:change|move|switch|swap) (?:it|them|this|that|the (?:date|day|tickets)) (?:to|for)\b")
_UPGRADING = re.compile(r"\bupgrad|\bmove (?:me|us) (?:up|down|closer)|\bbump (?:me|us)")


def understand(message: str, context: UnderstandingContext) -> Understanding:
    """What `message` asks for and names, given what was said before it; pure and deterministic.

    Only the first 2,000 characters are read, which bounds the time a message can take.
    """
    passage = Passage(message[:_READ_AT_MOST])
    slots = _read_slots(passage, context)
    bare = replace(slots, dates=(), time_of_day=None, clock=None, city=None) == Slots()
    if bare and not context.last_assistant and not weigh_intents(passage) and not read_topic(passage):
        lone = cut_lone_name(passage)
        slots = replace(slots, event=match_surface(lone, _event_names(context))) if lone else slots
    return _judge(passage, slots, context)


def understand_dialogue(
    history: list[tuple[str, str]], message: str, catalogue: CatalogueHints, today: date
) -> Understanding:
    """`understand` for a dialogue of (speaker, text) pairs, oldest first, where only the day is known."""
    last = next((text for speaker, text in reversed(history) if speaker != "user"), "")
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    return understand(message, UnderstandingContext(now, last, catalogue, tuple(history)))


def _read_slots(passage: Passage, context: UnderstandingContext) -> Slots:
    asked, hints = context.last_assistant, context.hints
    choosing = offers_choice(asked)
    order_id, hold_id, seat_ids = read_ids(passage)
    names = _event_names(context)
    claim_introduction(passage)
    event = find_named(passage, names, whole_answer=asks_event(asked) or not asked)
    event = _with_opponent(passage, names) or event
    venue = find_named(passage, hints.venues)
    claim_greeting(passage)
    dates = read_dates(passage, context.now.date(), choosing=choosing)
    upgrading = _UPGRADING.search(passage.low) is not None or (
        "upgrade" in asked.lower() and _ASKS_BUDGET.search(asked.lower()) is not None
    )
    prices = read_prices(passage, upgrading=upgrading, asked_budget=_ASKS_BUDGET.search(asked.lower()) is not None)
    time_of_day = read_time_of_day(passage)
    clock = read_clock(passage)
    row, seat_numbers = read_row_and_seats(passage)
    section = read_section(passage, hints.sections, asked="section" in asked.lower())
    ordinal = read_ordinal(passage, choosing=choosing)
    company = read_company(passage)
    versus = None if event else cut_versus(passage)
    city = read_city(passage, hints.cities, asked=asks_city(asked))
    category = read_category(passage)
    event = event or (match_surface(versus, names) if versus else _read_event(passage, names, asked))
    count = read_quantity(passage, asked=asks_count(asked), company=company)
    return Slots(
        quantity=count.quantity,
        quantity_delta=count.delta,
        dates=dates,
        any_date=not dates and says_any_date(passage),
        time_of_day=time_of_day,
        clock=clock,
        city=city,
        event=event,
        venue=venue.name if venue else None,
        category=category,
        section=section,
        section_refused=read_refused_section(passage, hints.sections),
        row=row,
        seat_ids=seat_ids,
        seat_numbers=seat_numbers,
        max_price_each=prices.each,
        max_price_total=prices.total,
        min_price_each=prices.least_each,
        max_price_delta=prices.delta,
        delta_per_seat=prices.delta_per_seat,
        comparatives=read_comparatives(passage),
        superlative=read_superlative(passage),
        adjacent=read_adjacent(passage, asked=_ASKS_TOGETHER.search(asked.lower()) is not None),
        aisle=read_aisle(passage),
        accessible=read_accessible(passage),
        ordinal=ordinal,
        order_id=order_id,
        hold_id=hold_id,
    )


def _event_names(context: UnderstandingContext) -> tuple[str, ...]:
    return context.hints.events + context.hints.performers


def _with_opponent(passage: Passage, names: tuple[str, ...]) -> EventMention | None:
    """A team's name just claimed, with the other side of its "vs": only both tell which game is meant."""
    both = passage.take(_ONE_SIDE)
    return match_surface(passage.surface(*both.span()), names) if both else None


def _read_event(passage: Passage, names: tuple[str, ...], asked: str) -> EventMention | None:
    """An event the catalogue names only in part, or one that the sentence alone shows to be a name."""
    part = find_part(passage, names) if names else None
    if part:
        return part
    surface = cut_name(passage, asked=asks_event(asked))
    surface = surface or cut_counted(passage, first=not asked)
    return match_surface(surface, names) if surface else None


def _judge(passage: Passage, slots: Slots, context: UnderstandingContext) -> Understanding:
    weights = weigh_intents(passage)
    topic = read_topic(passage)
    if topic:
        weights[Intent.QUESTION] = _question_weight(topic, weights, passage)
    if Intent.REFUND in weights and topic is Topic.REFUND_POLICY and slots.order_id is None:
        del weights[Intent.REFUND]
    if Intent.EXCHANGE in weights and topic is Topic.EXCHANGE_POLICY and slots.order_id is None:
        del weights[Intent.EXCHANGE]
    if topic is Topic.TIME and re.search(r"\bhow long\b", passage.low):
        weights.pop(Intent.HOLD, None)  # "how long do you hold seats?" asks for nothing to be held
    if slots.order_id and _CHANGES_IT.search(passage.low):
        weights[Intent.EXCHANGE] = max(weights.get(Intent.EXCHANGE, 0.0), 0.93)
    if slots.order_id and not weights.keys() & {Intent.REFUND, Intent.EXCHANGE, Intent.UPGRADE, Intent.RELEASE}:
        weights[Intent.ORDERS] = 0.85
    if _names_details(slots):
        answering = "?" in context.last_assistant
        finding = slots.event or slots.city or slots.category
        weights.setdefault(Intent.FIND if finding and not answering else Intent.INFORM, 0.5)
    if slots.quantity and re.search(r"\bseats?\b", passage.low):
        weights[Intent.BUY] = max(weights.get(Intent.BUY, 0.0), 0.87)
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    intent, confidence = ranked[0] if ranked else (Intent.OTHER, 0.3)
    return Understanding(
        intent=intent,
        confidence=confidence,
        slots=slots,
        topic=topic,
        also=tuple(other for other, _ in ranked[1:]),
        correction=_CORRECTION.search(passage.low) is not None,
        negated=_NEGATED.search(passage.low) is not None,
    )


def _question_weight(topic: Topic, weights: dict[Intent, float], passage: Passage) -> float:
    """A question about a topic outweighs the search words it is put in, but not an act asked for outright."""
    if topic in (Topic.AVAILABILITY, Topic.SEATING, Topic.DATE, Topic.PRICE, Topic.PROGRAMME) and (
        weights.get(Intent.FIND, 0) >= 0.84 or not is_question(passage)
    ):
        return 0.6
    return 0.93 if is_question(passage) else 0.89


def _names_details(slots: Slots) -> bool:
    return slots != Slots()

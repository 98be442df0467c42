"""Answers from the house's documents: found with `search_knowledge`, told in their own sentences, with their name."""

import re
from collections.abc import Sequence
from typing import Any

from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.events import learn_names
from usher_inference.playbook.facts import asks_whether_held
from usher_inference.playbook.state import Dialogue, call_key
from usher_inference.playbook.transcript import Failure
from usher_inference.understanding import Intent, Slots, Topic, Understanding
from usher_inference.understanding.passage import Passage as Words
from usher_inference.understanding.topics import is_question
from usher_shared.contracts.knowledge import SEARCH_KNOWLEDGE, FoundKnowledge, Passage
from usher_shared.contracts.tools import EventInfo

_WHOLE = 280  # characters of a passage that is told as it is
_LONGEST = 400  # of what is told of a longer one, and of a question
_STEM = 4  # letters by which words are compared
SURE = 0.55  # score of a passage that answers what no topic was understood of
_SALE = re.compile(r"\b(?:tickets?|seats?|book|buy|events?|shows?|what'?s on|playing|happening)\b", re.IGNORECASE)
_HOUSE = frozenset(
    {Topic.PARKING, Topic.BAGS, Topic.FOOD, Topic.TRANSPORT, Topic.DOORS, Topic.ACCESSIBILITY, Topic.VENUE, Topic.AGE}
)
_OF_EVENT = frozenset({Topic.TIME, Topic.DATE, Topic.DOORS})  # the event's own data come first
_OF_BOX_OFFICE = frozenset(
    {Topic.PRICE, Topic.AVAILABILITY, Topic.SEATING, Topic.PROGRAMME, Topic.PAYMENT, Topic.FEES, Topic.CAPABILITIES}
    | {Topic.REFUND_POLICY, Topic.EXCHANGE_POLICY}
)
_QUITE_SURE = 0.75  # of the same, where it is not known for which venue
_VERY_SURE = 0.8  # of one that seemed to be no matter of ours
_WORD = re.compile(r"[a-z0-9]+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9“\"(])")
_LEANING = re.compile(r"(?:It|They|These|This|Those|Then|There|After that|Until then)\b")
_IDLE_WORDS = """
    a about again all also am an and any are as ask at be been both but by can could did do does for from get give go
    going got had has have how i if in into is it its just kind know let like look many may me might mine much must my
    need no not of off ok on one or our out own please possible say see shall should show so some sort still take tell
    than thank thanks that the their them then there these they thing things this those to too under until up us use
    very want was way we were what when where which while who whom whose why will with would yes you your allowed
    bring find hello hi hey okay something somewhere anything anywhere someone anyone event game match concert
    tonight today tomorrow venue place arena theatre theater stadium ticket tickets exactly really actually"""
_IDLE = frozenset(_IDLE_WORDS.split())
_TIME_WORDS = "start begin end time long date day hour run last open door doors over finish late early"
_KIND_WORDS = """
    comedy comedian musical music sports sport family opera ballet jazz rock pop festival basketball football hockey
    drama play dance circus classical hip hop country metal"""
_KINDS = frozenset(word[:_STEM] for word in _KIND_WORDS.split())
_OPENS = re.compile(
    r"^\W*(?:(?:and|but|ok|okay|also|so|hi|hello) )?(?:(?:is|are) there\b|"
    r"(?:do|does|can|could|may|where|how|when|who|what)\b(?! about\b).*\?)",
    re.IGNORECASE,
)
_ASKING = (Intent.QUESTION, Intent.OTHER, Intent.FIND, Intent.INFORM)
_OF_TIME = frozenset(word[:_STEM] for word in _TIME_WORDS.split())


def consult(d: Dialogue, info: EventInfo | None = None, known: str = "", *, least: float = 0.0) -> Act | None:
    """The search for what was asked, or the answer it found; None where nothing fits, or `known` says it already.

    With `info` only what holds for that event and its venue counts; without it, what holds for one venue alone.
    """
    text = _question(d, info)
    if not d.can(SEARCH_KNOWLEDGE) or not _telling(text) or (known and _says(known, text)):
        return None
    arguments: dict[str, Any] = {"query": text}
    if info is not None:
        arguments |= {"venue_id": info.venue_info.venue_id, "event_id": info.event_id}
    found = _found(d, arguments)
    if found is None:
        return Call(SEARCH_KNOWLEDGE, arguments)
    passages = _of_one_venue(found.passages, text)
    if not passages or passages[0].score < least:
        return None
    return Say(_tell(passages[0], text))


def searched(d: Dialogue) -> bool:
    """Whether documents were searched for this message."""
    return any(step.tool == SEARCH_KNOWLEDGE for step in d.turn.done)


def aside(d: Dialogue) -> Act | None:
    """The answer to a question that is not for the box office, if a document plainly has it."""
    if not d.can(SEARCH_KNOWLEDGE) or not _is_for_documents(d):
        return None
    info = d.infos.get(d.focus or "")
    if info is None and d.turn.heard and d.turn.heard.topic in _OF_EVENT and (step := learn_names(d)):
        return step  # "when does hamlet start?": the events know before any document does
    if info is None and d.focus and d.can("get_event_info") and not d.turn.failures("get_event_info"):
        return Call("get_event_info", {"event_id": d.focus})  # to ask for its venue's documents alone
    least = _VERY_SURE if d.turn.beyond else (SURE if info is not None else _QUITE_SURE)
    return consult(d, info, least=least)


def asks_anew(text: str, heard: Understanding) -> bool:
    """Whether an answer to "which event?" asks something of its own: "is there a shuttle from Union Station?"."""
    return _OPENS.match(text) is not None and bool(_telling(text) - _names(heard.slots)) and not heard.slots.ordinal


def _is_for_documents(d: Dialogue) -> bool:
    heard, turn = d.turn.heard, d.turn
    if heard is None or turn.affirmed or turn.declined or turn.seat_terms_changed or not is_question(Words(turn.text)):
        return False
    if heard.intent not in _ASKING or _is_specific(heard.slots) or not _telling(turn.text) - _names(heard.slots):
        return False
    named = d.infos.get(d.focus or "") or d.wish.query or heard.slots.event
    if heard.topic in _OF_BOX_OFFICE or (heard.topic in _HOUSE and named):
        return False  # answered from what the box office knows, or after it
    learnt = d.wish.query is not None and any(step.tool == "search_events" for step in turn.done)
    if (heard.topic in _OF_EVENT and (heard.slots.event or learnt)) or asks_whether_held(turn.text):
        return False
    if heard.topic in (Topic.TIME, Topic.DATE) and not _telling(turn.text) - _OF_TIME:
        return False
    if heard.slots.category and not _telling(turn.text) - _KINDS:
        return False
    return heard.intent not in (Intent.FIND, Intent.INFORM) or not _SALE.search(turn.text)


def _names(slots: Slots) -> frozenset[str]:
    """The words of the event or venue that is named: a name alone asks nothing."""
    return _telling(f"{slots.event.surface if slots.event else ''} {slots.venue or ''}")


def _is_specific(slots: Slots) -> bool:
    """Whether the message names more than an event or a venue, so that a flow has to hear it."""
    named = (slots.quantity, slots.ordinal, slots.order_id, slots.seat_ids, slots.max_price_each, slots.dates)
    numbered = slots.section is not None and any(letter.isdigit() for letter in slots.section)
    return numbered or any((*named, slots.max_price_total, slots.city, slots.time_of_day))


def _found(d: Dialogue, arguments: dict[str, Any]) -> FoundKnowledge | None:
    """What that search answered in this turn; nothing where it failed."""
    for step in reversed(d.turn.done):
        if step.tool == SEARCH_KNOWLEDGE and call_key(step.arguments) == call_key(arguments):
            if isinstance(step.result, FoundKnowledge):
                return step.result
            return FoundKnowledge(passages=[]) if isinstance(step.result, Failure) else None
    return None


def _question(d: Dialogue, info: EventInfo | None) -> str:
    """The part of the message that asks, without the names of the event that is known already."""
    text = " ".join((d.turn.question or d.turn.text).split())
    asking = [part for part in re.split(r"(?<=[.!?])\s+", text) if part.endswith("?")]
    text = (" ".join(asking) or text)[:_LONGEST]
    names = _telling(f"{info.name} {' '.join(info.performers)}") if info is not None else frozenset[str]()
    kept = [word for word in text.split() if not (_telling(word) and _telling(word) <= names)]
    return " ".join(kept) if names and _telling(" ".join(kept)) else text


def _telling(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in _WORD.findall(text.lower()) if word not in _IDLE and len(word) > 1)


def _says(known: str, question: str) -> bool:
    """Whether a fact has all that is asked about."""
    return _telling(question) <= _telling(known)


def _of_one_venue(passages: Sequence[Passage], question: str) -> list[Passage]:
    """The passages, if they are about one venue or none; of several venues those of the one that is named."""
    venues = {passage.venue_id for passage in passages} - {None}
    if len(venues) < 2:
        return list(passages)
    words = _telling(question)
    shared = {
        venue: max(len(words & _telling(f"{p.title} {venue}")) for p in passages if p.venue_id == venue)
        for venue in venues
    }
    best = max(shared.values())
    named = [venue for venue, count in shared.items() if count == best]
    return [passage for passage in passages if passage.venue_id == named[0]] if len(named) == 1 and best else []


def _tell(passage: Passage, question: str) -> str:
    told = _best(passage.text, question)
    return f"{told} (Source: {passage.title}) [{passage.id}]"


def _best(text: str, question: str) -> str:
    """A short passage whole; of a longer one the sentence nearest to the question, and one beside it."""
    flat = " ".join(text.split())
    if len(flat) <= _WHOLE:
        return flat
    parts = _SENTENCE.split(flat)
    words = _telling(question)
    at = max(range(len(parts)), key=lambda place: (len(words & _telling(parts[place])), -place))
    first = at - 1 if at and _LEANING.match(parts[at]) else at
    last = at + 1
    while last < len(parts) and last - first < 3 and len(" ".join(parts[first : last + 1])) <= _LONGEST:
        last += 1
    return " ".join(parts[first:last])[:_LONGEST].strip()

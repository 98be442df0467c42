"""Where the statements of a reply come from: marks read and taken out, sources named, replies without any found out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from usher_agent.knowledge.chunking import sentences
from usher_agent.knowledge.terms import is_idle, words
from usher_shared.clock import from_timestamp
from usher_shared.contracts.knowledge import PASSAGE_ID, SEARCH_KNOWLEDGE

Passages = Mapping[str, Mapping[str, Any]]

UNCITED = (
    "Your last message was not shown to the customer: it names no source. Put the id of the passage that says so in "
    "square brackets behind each statement, such as [kn-0a1b2c3d4e]. What no passage says you do not know: say so."
)
UNKNOWN = (
    "I'm sorry, I have no reliable information on that, and I don't want to guess. Shall I pass this on to a person?"
)
_OPENING = "[kn-"
_MARK = re.compile(rf"\s?\[\s*{PASSAGE_ID}(?:\s*[,;]\s*{PASSAGE_ID})*\s*\]")
_ID = re.compile(PASSAGE_ID)
_NOT_KNOWING = re.compile(
    r"\b(?:(?:do|does|did)(?:n['’]?t| not) (?:\w+ )?(?:know|have|find|say|mention|cover|see)|"
    r"(?:could(?:n['’]?t| not)|can(?:['’]?t|not| not)|unable to|was(?:n['’]?t| not) able to) "
    r"(?:\w+ )?(?:find|say|tell|confirm|answer)|"
    r"no (?:\w+ ){0,2}(?:information|details?|documents?|record|answer)|"
    r"not (?:sure|aware|certain|known)|unknown|nothing (?:on|about))",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"\W*(?:I|I['’]\w+|sorry|please|thanks|thank you|hello|hi|of course|sure|all right|okay|no hurry|that depends|"
    r"what I can do)\b",
    re.IGNORECASE,
)
_SHARED = 0.6  # of a sentence's words, for a passage to be its source though no mark says so
_LEAST_SHARED = 0.25  # of them, for a mark to be believed
_STEM = 5  # letters by which words are compared


@dataclass(frozen=True, slots=True)
class Cited:
    """A reply without its marks. `is_bare`: it states something, and no passage that was found says so."""

    text: str
    citations: list[dict[str, Any]] = field(default_factory=list)
    is_bare: bool = False


def without_marks(text: str) -> str:
    """The text as a customer reads it."""
    return _MARK.sub("", text) if _OPENING in text else text


def cite(text: str, passages: Passages, elsewhere: Callable[[], str] = str) -> Cited:
    """Every passage that the reply's sentences mark, or plainly repeat; marks of other passages count for nothing.

    `elsewhere` gives what else was looked up in the conversation: what that says is no statement without a source.
    """
    cited: dict[str, dict[str, Any]] = {}
    claims: list[frozenset[str]] = []
    for sentence, ids in _marked(text):
        said = _stems(sentence)
        if len(said) > 1 and not sentence.rstrip().endswith("?") and not _TALK.match(sentence):
            claims.append(said)
        sources = [id for id in ids if id in passages and _share(said, passages[id]) >= _LEAST_SHARED]
        if not sources and len(said) > 2:
            near = max(passages, key=lambda known: _share(said, passages[known]), default=None)
            sources = [near] if near is not None and _share(said, passages[near]) >= _SHARED else []
        for id in sources:
            cited.setdefault(id, _citation(passages[id], said))
    clean = without_marks(text).strip()
    bare = False
    if claims and not cited and _NOT_KNOWING.search(clean) is None:
        known = _stems(elsewhere())
        bare = any(len(claim & known) < _SHARED * len(claim) for claim in claims)
    return Cited(clean, list(cited.values()), bare)


def found_earlier(messages: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Mapping[str, Any]]:
    """The passages that earlier searches of the conversation found, as far as they still hold, by id."""
    found: dict[str, Mapping[str, Any]] = {}
    for message in messages:
        if message.get("role") == "tool" and message.get("name") == SEARCH_KNOWLEDGE:
            found |= {passage["id"]: passage for passage in _passages(message) if _holds(passage, now)}
    return found


def has_marks(text: str) -> bool:
    return _OPENING in text


def _marked(text: str) -> Iterator[tuple[str, list[str]]]:
    """Sentences with the ids in them; marks behind the full stop belong to the sentence before it."""
    pieces = sentences(re.sub(rf"([.!?])({_MARK.pattern})", r"\2\1", text))
    for sentence in pieces:
        yield without_marks(sentence), _ID.findall("".join(_MARK.findall(sentence)))


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM] for word in words(text) if not is_idle(word))


def _share(said: frozenset[str], passage: Mapping[str, Any]) -> float:
    told = _stems(f"{passage['title']} {passage.get('section', '')} {passage['text']}")
    return len(said & told) / len(said) if said else 0.0


def _citation(passage: Mapping[str, Any], said: frozenset[str]) -> dict[str, Any]:
    quote = max(sentences(passage["text"]), key=lambda one: len(said & _stems(one)), default="")
    citation = {"id": passage["id"], "title": passage["title"], "source": passage["source"], "quote": quote}
    return citation | {key: passage[key] for key in ("section", "page") if passage.get(key)}


def _passages(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        found = orjson.loads(message["content"])["passages"]
        return [one for one in found if all(isinstance(one[key], str) for key in ("id", "title", "source", "text"))]
    except (ValueError, KeyError, TypeError):
        return []


def _holds(passage: Mapping[str, Any], now: datetime) -> bool:
    until = passage.get("valid_until")
    try:
        return until is None or now < from_timestamp(until)
    except (TypeError, ValueError):
        return False

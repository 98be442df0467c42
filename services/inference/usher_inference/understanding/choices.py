"""Choosing among what was offered: "the second one", "something cheaper", "the best you have"."""

import re

from usher_inference.understanding.model import Comparative
from usher_inference.understanding.numbers import NUMBER, ORDINAL, parse_count, parse_ordinal
from usher_inference.understanding.passage import Passage

_CHOSEN = (
    r"(?:ones?|options?|choices?|pairs?|sets?|results?|picks?|shows?|games?|events?|concerts?|offers?|"
    r"suggestions?|seats)"
)
_ORDINAL_CHOICE = (
    re.compile(
        rf"\b(?:the\s+)?(?:very\s+)?(?P<nth>{ORDINAL})\s+(?:\w+\s+)?{_CHOSEN}\b(?!\s+of\s+(?:the\s+)?(?:season|year))"
    ),
    re.compile(rf"\b(?:option|choice|number|pick)\s*#?\s*(?P<number>{NUMBER})|#\s?(?P<hash>\d{{1,2}})\b"),
    re.compile(r"\bthe\s+(?P<latter>former|latter)\b"),
    re.compile(rf"\bthe\s+(?P<nth>{ORDINAL})\b(?!\s+(?:of|row|level|floor|half|week|month|day|time|street|base))"),
    re.compile(rf"^\W*(?P<nth>{ORDINAL})(?:\s+please)?\W*$"),
)
_COMPARED = (
    (
        Comparative.CHEAPER,
        r"cheaper|less expensive|less pricey|lower[- ]priced?|lower price|more affordable|(?:too|bit|so|very|"
        r"kinda|pretty) (?:expensive|pricey|steep|much|high|dear)|not (?:so|as) expensive|save (?:some )?money|"
        r"(?:^\W*|\bhmm+\W+|\bit'?s |\bthat'?s |\bwow\W+)(?:pricey|expensive|steep|dear)\b|rip-?off|overpriced|"
        r"less money|out of my (?:budget|price)|cost less|better price|"
        r"(?:anything|something|got) less|less than (?:that|this|those)",
    ),
    (Comparative.DEARER, r"more expensive|pricier|fancier|premium"),
    (Comparative.BETTER, r"better|nicer|upgraded"),
    (
        Comparative.CLOSER,
        r"closer|nearer|further (?:down|forward)|more central|too far (?:away|back)|not (?:too|so|"
        r"that) far (?:back|away|off)?|near (?:the )?(?:front|stage|field|court|ice|band|pitch)|"
        r"close to (?:the )?(?:front|stage|band|pitch|"
        r"field|court|ice|action)|up (?:close|front)",
    ),
    (
        Comparative.LOWER,
        r"lower|not (?:too|so|that) (?:far up|high(?: up)?)|less high|too high(?: up)?|too far up|further down|"
        r"nosebleeds?",
    ),
    (Comparative.HIGHER, r"higher(?: up)?|further up"),
    (Comparative.FARTHER, r"further (?:back|away)|farther(?: back| away)?|less close|too close"),
    (Comparative.EARLIER, r"earlier|sooner"),
    (Comparative.LATER, r"later(?! today| on\b)"),
    (
        Comparative.OTHER,
        r"(?:some|any)(?:thing|where|place)? (?:else|other|different)|(?:anything|something|what|which) else|"
        r"other (?:options?|seats?|events?|shows?|dates?|games?|choices?|sections?|ones?)|"
        r"different (?:days?|times?|options?|seats?|events?|shows?|dates?|sections?|ones?|one)|another (?:option|"
        r"one|event|"
        r"show|section|date|game|concert|day|seat|pair)|alternatives?|what about others|show me more|"
        r"more options|any more (?:options|events)",
    ),
)
_COMPARATIVES = tuple((kind, re.compile(rf"\b(?:{words})\b")) for kind, words in _COMPARED)
_SUPERLATIVES = (
    (
        Comparative.CHEAPER,
        re.compile(
            r"\b(?:cheapest|least expensive|lowest[- ]priced?|lowest price|most affordable|(?:as )?cheap(?:ly)? as|"
            r"cheap (?:ones?|seats?|tickets?))\b|\bcheap\b(?=\W*$|\s*(?:please|pls|,))"
        ),
    ),
    (Comparative.BETTER, re.compile(r"\b(?:best|nicest|greatest)\b(?!\s+(?:regards|wishes|buy|way|time|of luck))")),
    (
        Comparative.CLOSER,
        re.compile(r"\b(?:closest|nearest|as close (?:\w+ ){0,4}?as|front[- ]?row|frontmost|first rows?)\b"),
    ),
    (Comparative.LOWER, re.compile(r"\b(?:lowest(?! price))\b")),
    (Comparative.HIGHER, re.compile(r"\b(?:highest|farthest up)\b")),
    (Comparative.DEARER, re.compile(r"\b(?:most expensive|priciest|dearest)\b")),
    (Comparative.EARLIER, re.compile(r"\b(?:earliest|soonest|next available)\b")),
    (Comparative.LATER, re.compile(r"\b(?:latest)\b(?!\s+(?:news|album))")),
)
_OFFERED = re.compile(
    r"(?:^|\s)(?:1[.)]|\(1\)|#1\b|a\))\s|\b(?:which (?:one|of (?:these|those|them)|would you (?:like|"
    r"prefer)|option|suits)|pick one|choose (?:one|from)|take your pick)\b",
    re.MULTILINE,
)


def offers_choice(assistant: str) -> bool:
    """Whether the assistant's last text laid out options to pick from."""
    return _OFFERED.search(assistant.lower()) is not None


def read_ordinal(passage: Passage, *, choosing: bool) -> int | None:
    """Claim a choice by place, 1-based, -1 for the last; without a noun ("the second") only while `choosing`."""
    patterns = _ORDINAL_CHOICE if choosing else _ORDINAL_CHOICE[:3]
    for pattern in patterns:
        match = pattern.search(passage.open)
        if match:
            place = _place(match.groupdict())
            if place:
                passage.claim(*match.span())
                return place
    return None


def _place(groups: dict[str, str | None]) -> int | None:
    if groups.get("latter"):
        return 1 if groups["latter"] == "former" else -1
    number = groups.get("number") or groups.get("hash")
    if number:
        return parse_count(number)
    nth = groups.get("nth")
    return parse_ordinal(nth) if nth else None


def read_comparatives(passage: Passage) -> tuple[Comparative, ...]:
    """How the next offer should differ from the last, in a fixed order."""
    return tuple(kind for kind, pattern in _COMPARATIVES if pattern.search(passage.open))


def read_superlative(passage: Passage) -> Comparative | None:
    """ "The cheapest", "best seats": the extreme asked for."""
    return next((kind for kind, pattern in _SUPERLATIVES if pattern.search(passage.low)), None)

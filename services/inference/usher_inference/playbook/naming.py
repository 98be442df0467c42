"""Whether words name an event: alike as a whole, and word by word, so that "Comets vs Bulls" is not taken for Gulls."""

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from usher_inference.playbook.state import Dialogue
from usher_inference.understanding.catalogue import COMMON, spoken_tokens
from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.names import GENERIC
from usher_shared.contracts.tools import EventSummary

_TRADE = re.compile(
    r"hello|please|thanks|would|like|could|want|wanna|gonna|really|still|maybe|actually|sorry|okay|does|doing|"
    r"(?:do|ca|wo)n't|[a-z]+'(?:d|ll|ve|s|m)|tickets?|seats?|seating|sections?|upgrade|refunds?|cancel|booking|reserve|(?:senior|student|toddler)s?|"
    r"parking|polic(?:y|ies)|payments?|methods?|accept|discounts?|allowed|bring|backpacks?|food|drinks?|wheelchair|"
    r"accessible|cheap(?:er|est)|together|adults?|people|persons?|quantity|(?:any|every|some)(?:thing|one|where)|another|"
    r"tomorrow|weekend|morning|afternoon|evening|(?:jan|febr)uary|march|april|may|june|july|august|"
    r"(?:septem|octo|novem|decem)ber|three|seven|eight|nine|eleven|twelve|first|second|third"
)
_MOST_NAMED = 4  # words of a name
_AKIN = 75.0  # of a single word
LIKE = 72.0  # at least this alike (0..100) for a found event to be the one that was named


class Fit(IntEnum):
    """How well words name an event."""

    NOT = 0
    NEAR = 1  # but for slips of the finger, or a part that says nothing
    EXACT = 2


def likeness(query: str, event: EventSummary) -> float:
    """0..100: how well the words name this event."""
    names = [event.name, event.venue, *getattr(event, "performers", ())]
    return max(
        max(fuzz.WRatio(query.lower(), n.lower()), fuzz.token_set_ratio(query.lower(), n.lower())) for n in names
    )


def fit(query: str, event: EventSummary) -> Fit:
    """Word by word; of "X vs Y" each side has to be there, of other names more than half of the words."""
    names = [event.name, event.venue, event.city, *getattr(event, "performers", ())]
    return _fit(query, tuple(names), alike=likeness(query, event) >= LIKE)


@lru_cache(maxsize=4096)
def _fit(query: str, names: tuple[str, ...], *, alike: bool) -> Fit:
    said = spoken_tokens(query)
    telling = [word for word in said if len(word) >= 3 and word not in COMMON and word not in GENERIC]
    known = [word for name in names for word in spoken_tokens(name)]
    fits = [_fit_word(word, known) for word in telling]
    missing = fits.count(Fit.NOT)
    if not alike and (missing or not fits):
        return Fit.NOT
    if missing and ("vs" in said or missing * 2 >= len(fits)):
        return Fit.NOT
    return min(fits, default=Fit.EXACT) or Fit.NEAR


def _fit_word(word: str, known: Sequence[str]) -> Fit:
    if any(name == word or name.startswith(word) for name in known):
        return Fit.EXACT
    if word in "".join(known):  # "redhawks" of "Red Hawks"
        return Fit.EXACT
    slips = 2 if len(word) >= 8 else int(len(word) >= 4)
    close = any(name[0] == word[0] and OSA.distance(name, word, score_cutoff=slips) <= slips for name in known)
    return Fit.NEAR if close else Fit.NOT


def akin(query: str, event: EventSummary) -> bool:
    """Whether any of the words is at least like a word of the event's names, so that it is worth asking about."""
    known = [
        word for name in (event.name, event.venue, *getattr(event, "performers", ())) for word in spoken_tokens(name)
    ]
    said = [word for word in spoken_tokens(query) if len(word) >= 3 and word not in COMMON]
    return any(fuzz.ratio(word, name) >= _AKIN for word in said for name in known)


def at_venue(words: str, event: EventSummary) -> bool:
    """Whether the words name the event's venue, or where else it may be said to be: its city, the other side."""
    known = spoken_tokens(f"{event.venue} {event.city} {event.name}")
    said = spoken_tokens(words)
    return bool(said) and all(_fit_word(word, known) for word in said)


def best_fit(query: str | None, events: Sequence[EventSummary]) -> Fit:
    """The best of the events' fits; without a query every event will do."""
    return Fit.EXACT if query is None else max((fit(query, event) for event in events), default=Fit.NOT)


def names_something(d: Dialogue) -> bool:
    """Whether the message has words that are neither everyday words nor understood: perhaps a name in lower case."""
    heard = d.turn.heard
    if heard is None or heard.slots.event:
        return False
    return bool(unknown_words(d))


def learning_searches(d: Dialogue) -> list[dict[str, str]]:
    """The searches that tell which of the message's words are an event's name: for the words, then for everything."""
    words = list(dict.fromkeys(unknown_words(d)))
    return [{"query": " ".join(words)}, {}] if 0 < len(words) <= _MOST_NAMED else [{}]


def unknown_words(d: Dialogue) -> list[str]:
    """The words of the message that are neither everyday words nor the trade's."""
    words = re.findall(r"[a-z']{4,}", d.turn.text.lower())
    slots = d.turn.heard.slots if d.turn.heard else None
    place = f"{slots.section or ''} {slots.section_refused or ''}".lower().split() if slots else []
    return [word for word in words if word not in COMMON and word not in place and not _TRADE.fullmatch(word)]


def words_beyond(d: Dialogue, event: EventSummary) -> list[str]:
    """Unknown words of the message that are no part of the event's own names."""
    names = [event.name, event.venue, event.city, *getattr(event, "performers", ())]
    known = [word for name in names for word in spoken_tokens(name)]
    return [word for word in unknown_words(d) if not _fit_word(word, known)]


_SOUND = re.compile(r"h+u*m+|u+h+m*|u+m+|e+r+m*|o+h+|a+h+|l+o+l+|ha(?:ha)+|(.)\1+|[^aeiouy]{4,}", re.IGNORECASE)
_SPEAKING = frozenset(word_list("i my me you your we our us he his she her they them it its dont don't who"))


def named_words(phrase: str) -> list[str]:
    """The phrase's words where they may be a name: no sentence of the speaker's, no sound, not only everyday words."""
    words = [word.strip(".-'’") for word in re.findall(r"[\w'’&.-]+", phrase.lower())]
    if _SPEAKING & {*words} or any(_SOUND.fullmatch(word) for word in words):
        return []
    plain = [word not in COMMON and word not in GENERIC and not _TRADE.fullmatch(word) for word in words]
    told = any(new and len(word) >= 4 and word.isalpha() for word, new in zip(words, plain, strict=True))
    return words if told else []

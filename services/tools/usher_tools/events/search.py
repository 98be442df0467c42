"""Matching what a customer calls an event, a performer, a venue or a city with what the catalogue calls it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz import fuzz

from usher_tools.events.model import TicketedEvent

_ACCEPT = 76.0  # mean similarity (0 to 100) of the query's words to an event's; below lies another event
_WORD_ACCEPT = 72.0
# words that tell no event from another
_COMMON_WORDS = (
    "a an the at in on of for to and or with me us my our i we ticket tickets seat seats event events show shows game "
    "games match matches concert concerts gig play plays tonight today tomorrow vs v versus any some something"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_CITY_ALIASES = {
    "nyc": "new york",
    "ny": "new york",
    "new york city": "new york",
    "la": "los angeles",
    "sf": "san francisco",
    "san fran": "san francisco",
    "frisco": "san francisco",
    "dc": "washington",
    "washington dc": "washington",
    "philly": "philadelphia",
    "vegas": "las vegas",
    "nola": "new orleans",
    "chi town": "chicago",
    "atl": "atlanta",
    "pdx": "portland",
    "slc": "salt lake city",
    "kc": "kansas city",
    "stl": "saint louis",
    "okc": "oklahoma city",
    "indy": "indianapolis",
    "msp": "minneapolis",
    "ldn": "london",
}


@lru_cache(maxsize=8192)
def normalize(text: str) -> str:
    """Lower case, without accents and punctuation, single spaces."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return " ".join(re.sub(r"[^a-z0-9 ]+", " ", re.sub(r"['.]", "", plain)).split())


def _city(text: str) -> str:
    name = normalize(text.split(",", maxsplit=1)[0])
    name = _CITY_ALIASES.get(name, name)
    return re.sub(r"^st ", "saint ", name)


def matches_city(event: TicketedEvent, text: str) -> bool:
    """`NYC`, `St. Louis`, `San Fransisco` and `Chicago, IL` find their cities."""
    wanted = _city(text)
    if not wanted:
        return True
    for known in (event.venue.city, *event.venue.city_aliases):
        name = _city(known)
        initials = "".join(word[0] for word in name.split())
        if wanted == name or (len(initials) > 1 and wanted == initials) or fuzz.ratio(wanted, name) >= 84:
            return True
    return False


def matches_category(event: TicketedEvent, text: str) -> bool:
    wanted, known = normalize(text), normalize(event.category)
    return not wanted or wanted.rstrip("s") == known.rstrip("s") or fuzz.ratio(wanted, known) >= 84


def _similarity(word: str, name_words: Iterable[str]) -> float:
    best = 0.0
    for other in name_words:
        if word == other:
            return 100.0
        score = fuzz.ratio(word, other)
        if len(word) >= 3 and other.startswith(word):
            score = max(score, 90.0)
        best = max(best, score)
    return best


def score_query(event: TicketedEvent, query: str) -> float:
    """How well the words fit the event, 0 to 100; typos are forgiven, common words do not count."""
    text = normalize(query)
    words = [word for word in text.split() if word not in _COMMON]
    if not words:
        return 100.0  # "tickets tonight" names no event: every one fits
    names = (event.name, *event.performers, event.venue.name)
    name_words = {word for name in names for word in normalize(name).split()}
    name_words.update(normalize(event.category).split(), normalize(event.venue.city).split())
    scores = [_similarity(word, name_words) for word in words]
    found = [score for score in scores if score >= _WORD_ACCEPT]
    by_words = sum(found) / len(words)
    # "redhawks" for "Red Hawks", "starlight express" for "Star Light Express"
    joined = "".join(words)
    by_letters = max((fuzz.ratio(joined, normalize(name).replace(" ", "")) for name in names), default=0.0)
    return max(by_words, by_letters)


def is_match(score: float) -> bool:
    return score >= _ACCEPT

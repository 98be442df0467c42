"""What a question is about, in words to look for: the telling ones, each with other words for the same thing."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

MOST_CONCEPTS = 16
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


def _lines(name: str) -> list[str]:
    """The lines of a file beside this one, without its comments."""
    text = (resources.files(__package__) / name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


_IDLE = frozenset(" ".join(_lines("idle_words.txt")).split())
_LIGHT = frozenset(" ".join(_lines("light_words.txt")).split())


@dataclass(frozen=True, slots=True)
class Concept:
    """A telling word of a question, and other words for the same thing. A light one tells little."""

    word: str
    neighbours: tuple[str, ...] = ()
    light: bool = False


def words(text: str) -> list[str]:
    """Lower-case words without accents, in order."""
    flat = unicodedata.normalize("NFKD", text.lower().replace("’", "'"))
    return _WORD.findall("".join(c for c in flat if not unicodedata.combining(c)))


def is_idle(word: str) -> bool:
    """Whether it is a word that tells nothing of what is spoken about."""
    return word in _IDLE


@lru_cache(maxsize=1)
def _neighbours() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for line in _lines("same_words.txt"):
        group = line.split(", ")
        for word in group:
            found.setdefault(word, {}).update(dict.fromkeys(other for other in group if other != word))
    return {word: tuple(others) for word, others in found.items()}


def concepts(text: str) -> list[Concept]:
    """The telling words of a question, in order; none where nothing tells."""
    neighbours = _neighbours()
    found: dict[str, Concept] = {}
    said = words(text)
    for first, second in zip(said, [*said[1:], ""], strict=False):
        for word in (f"{first} {second}", first.removesuffix("'s")):
            base = next((form for form in _forms(word) if form in neighbours), word)
            if base in neighbours:
                others = neighbours[base] if base == word else (base, *neighbours[base])
                found[base] = Concept(word, others, _is_light(word))
            elif " " not in word and first not in _IDLE and word not in _IDLE and len(word) > 1:
                found[word] = Concept(word, light=_is_light(word))
    return list(found.values())[:MOST_CONCEPTS]


def _is_light(word: str) -> bool:
    return any(form in _LIGHT for form in _forms(word))


def _forms(word: str) -> tuple[str, ...]:
    """A word and what it may be a form of."""
    forms = [word]
    for ending, plain in (("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            forms.append(word.removesuffix(ending) + plain)
    return tuple(forms)

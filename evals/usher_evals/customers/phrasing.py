"""Everything a customer says, drawn by seed from a grammar; the two splits' grammars share no template.

A template holds `{slots}`, `<rules>` to expand, and `[segments]` that are said only where all their slots are known.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files

from usher_evals.world import Split

_SEGMENT = re.compile(r"\[([^][]*)\]")
_RULE = re.compile(r"<([a-z_.]+)>")
_SLOT = re.compile(r"\{([a-z_]+)\}")
_LONG_WORD = re.compile(r"\b[A-Za-z]{6,}\b(?!\.\w)")
_MISTYPED = 0.05  # share of messages
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@cache
def grammar(split: Split) -> Mapping[str, list[str]]:
    """The templates of each rule."""
    rules: dict[str, list[str]] = json.loads(
        (files("usher_evals") / "data" / f"phrases_{split}.json").read_text("utf-8")
    )
    return rules


class Phrasing:
    """One run's way of speaking."""

    def __init__(self, split: Split, seed: str) -> None:
        self._rules = grammar(split)
        self._luck = random.Random(seed)

    def say(self, key: str, slots: Mapping[str, str]) -> str:
        """A sentence of that kind; slots that no template segment needs are left out."""
        text = self._expand(self._luck.choice(self._rules[key]), slots)
        text = re.sub(r"\b(1|one) (ticket|seat|tix)s?\b", r"\1 \2", text)
        text = re.sub(r" +([,.!?])", r"\1", re.sub(r"\s+", " ", text)).strip()
        text = text[:1].upper() + text[1:] if self._luck.random() < 0.7 else text
        return self._mistyped(text) if self._luck.random() < _MISTYPED else text

    def _mistyped(self, text: str) -> str:
        """With two letters of a longer word swapped, one left out or one typed twice."""
        words = [match.span() for match in _LONG_WORD.finditer(text)]
        if not words:
            return text
        start, end = self._luck.choice(words)
        at = self._luck.randrange(start + 1, end - 2)
        here, following = text[at], text[at + 1]
        slip = self._luck.choice((following + here, following, here + here + following))
        return text[:at] + slip + text[at + 2 :]

    def number(self, value: int) -> str:
        """In figures or in words."""
        return _WORDS[value] if value < len(_WORDS) and self._luck.random() < 0.5 else str(value)

    def one_of(self, choices: tuple[str, ...]) -> str:
        return self._luck.choice(choices)

    def chance(self, share: float) -> bool:
        return self._luck.random() < share

    def _expand(self, template: str, slots: Mapping[str, str]) -> str:
        def segment(match: re.Match[str]) -> str:
            inner = match.group(1)
            known = all(name in slots for name in _SLOT.findall(inner))
            return inner if known else ""

        text = _SEGMENT.sub(segment, template)
        text = _RULE.sub(lambda match: self._expand(self._luck.choice(self._rules[match.group(1)]), slots), text)
        return _SLOT.sub(lambda match: slots[match.group(1)], text)


def dates(start: datetime) -> dict[str, str]:
    """The forms that a date is said in. `date_known` says nothing: it marks the segments that need a date."""
    day = start.day
    ending = "th" if 10 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return {
        "date_known": "",
        "date_long": f"{day} {start:%B}",
        "date_us": f"{start:%B} {day}",
        "date_th": f"{start:%B} {day}{ending}",
        "date_day": f"{start:%A} {day} {start:%B}",
        "date_short": f"{day} {start:%b}",
    }

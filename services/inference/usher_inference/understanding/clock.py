"""Times of day: by the clock ("the 8 pm show") and by part ("tonight", "an afternoon game")."""

import re

from usher_inference.understanding.model import ClockTime, TimeOfDay
from usher_inference.understanding.passage import Passage

_CLOCK = (
    re.compile(
        r"\b(?:(?:at|around|about|from|by|after|before|until|till)\s+)?(?P<hour>1[0-2]|"
        r"0?[1-9])(?:[:.](?P<minute>[0-5]\d))?\s?"
        r"(?P<half>[ap])\.?\s?m\b\.?(?:-?ish)?"
    ),
    re.compile(
        r"\b(?:(?:at|around|about|from|by|after|before|until|till)\s+)?(?P<hour>[01]?\d|"
        r"2[0-3]):(?P<minute>[0-5]\d)\b(?:-?ish)?"
    ),
    re.compile(r"\b(?:(?:at|around|about|after|before|by)\s+)?(?P<hour>1[0-2]|[1-9])\s?(?:o'?\s?clock|(?:-?ish)\b)"),
    re.compile(
        r"\b(?:start(?:s|ing)?\s+|begin(?:s|ning)?\s+|show\s+)?at\s+(?:around\s+|about\s+)?(?P<hour>1[0-2]|[1-9])\b"
        r"(?!\s*(?:tickets?|seats?|people|dollars|bucks|[%$€£-]|each|st\b|nd\b|rd\b|th\b|[a-z]+\s+(?:street|st|ave)))"
    ),
)
_NOON = re.compile(r"\b(?:noon|midday|midnight)\b")
_PARTS = (
    (TimeOfDay.NIGHT, re.compile(r"\b(?:tonight|tonite|2nite|2night|night|nights|late show|midnight)\b")),
    (TimeOfDay.EVENING, re.compile(r"\b(?:evening|evenings)\b")),
    (TimeOfDay.AFTERNOON, re.compile(r"\b(?:afternoon|matin[eé]e|noon|midday|day\s?time)\b")),
    (TimeOfDay.MORNING, re.compile(r"\bmorning\b(?<!good morning)")),
)
_GREETING = re.compile(
    r"\bgood\s+(?:morning|afternoon|evening|night|day)\b|\b(?:have a|a)\s+(?:good|great|nice|"
    r"lovely)\s+(?:night|evening|day)\b"
)


def claim_greeting(passage: Passage) -> None:
    """Blot out "good evening" and its kin before their words are read as times."""
    passage.claim_all(match.span() for match in _GREETING.finditer(passage.open))


def read_time_of_day(passage: Passage) -> TimeOfDay | None:
    """The part of the day named; reads the words of claimed days too ("tonight"), claims nothing."""
    greeting = _GREETING.search(passage.low)
    text = _GREETING.sub("", passage.low) if greeting else passage.low
    text = re.sub(r"\bper night\b|\bnight (?:game|ranger)s?\b", "", text)
    return next((part for part, pattern in _PARTS if pattern.search(text)), None)


def read_clock(passage: Passage) -> ClockTime | None:
    """Claim a clock time. An hour without am or pm is taken for the evening, when shows start (12 is noon)."""
    for pattern in _CLOCK:
        match = passage.take(pattern)
        if match:
            groups = match.groupdict()
            hour, minute = int(groups["hour"]), int(groups.get("minute") or 0)
            half = groups.get("half")
            if half:
                hour = hour % 12 + (12 if half == "p" else 0)
            elif 1 <= hour <= 11 and not groups["hour"].startswith("0"):
                hour += 12 if hour < 10 or TimeOfDay.MORNING is not read_time_of_day(passage) else 0
            return ClockTime(hour, minute, passage.surface(*match.span()).strip())
    match = passage.take(_NOON)
    if match:
        return ClockTime(0 if match.group() == "midnight" else 12, 0, match.group())
    return None

"""Times of day: by the clock ("the 8 pm show") and by part ("tonight", "an afternoon game")."""

import re

from usher_inference.understanding.model import ClockTime, TimeOfDay
from usher_inference.understanding.numbers import WORDS
from usher_inference.understanding.passage import Passage

_HOUR_WORDS = {word: value for word, value in WORDS.items() if 1 <= value <= 12}
_HOUR_WORD = rf"(?:1[0-2]|[1-9]|{'|'.join(_HOUR_WORDS)})"
# "Half seven" is half past seven, as in Britain.
_SPOKEN = re.compile(
    rf"\b(?:at\s+)?(?:(?P<part>half(?:\s+past)?|quarter\s+(?:past|to)|(?:twenty|ten|five)\s+(?:past|to))\s+"
    rf"(?P<hour>{_HOUR_WORD})\b(?!\s*(?:tickets?|seats?|people|dozen|price))|(?P<sharp>{_HOUR_WORD})\s+o'?\s?clock\b)"
    r"(?P<half>\s?[ap]\.?m\b)?"
)
_PARTS_OF_HOUR = {"half": 30, "quarter": 15, "twenty": 20, "ten": 10, "five": 5}
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
    re.compile(r"\b(?:at\s+)?(?P<hour>1[0-2]|[1-9])\s+(?:in the (?:evening|afternoon)|at night)(?P<half>)"),
    # "the 7.30 show", "1930 hrs"
    re.compile(r"\b(?P<hour>1[0-2]|[1-9])\.(?P<minute>00|15|30|45)(?=\s+(?:show|game|kick|start|one|concert|perform))"),
    re.compile(r"\b(?P<hour>1\d|2[0-3])(?P<minute>00|15|30|45)\s?(?:hrs|hours|h)\b"),
    re.compile(r"\b(?:after|before|by|from)\s+(?P<hour>1[0-2]|[1-9])\s*(?=$|[.,;!?]|please|on\b|for\b)"),
    re.compile(r"\b(?:(?:at|around|about|after|before|by)\s+)?(?P<hour>1[0-2]|[1-9])\s?(?:o'?\s?clock|(?:-?ish)\b)"),
    re.compile(
        r"(?:\b(?:start(?:s|ing)?\s+|begin(?:s|ning)?\s+|show\s+)?\bat\s+|@\s?)(?:around\s+|"
        r"about\s+)?(?P<hour>1[0-2]|[1-9])\b"
        r"(?!\s*(?:tickets?|seats?|people|dollars|bucks|[%$€£-]|each|st\b|nd\b|rd\b|th\b|[a-z]+\s+(?:street|st|ave)))"
    ),
)
_NOON = re.compile(r"\b(?:noon|midday|midnight)\b")
_PARTS = (
    (TimeOfDay.NIGHT, re.compile(r"\b(?:tonight|tonite|2nite|2night|night|nights|late show|midnight)\b")),
    (TimeOfDay.EVENING, re.compile(r"\b(?:evenings?|after (?:work|dinner)|straight from work)\b")),
    (
        TimeOfDay.AFTERNOON,
        re.compile(r"\b(?:afternoon|matin[eé]e|noon|midday|day\s?time|arvo|lunch\s?time|after lunch)\b"),
    ),
    (TimeOfDay.MORNING, re.compile(r"\bmorning\b(?<!good morning)")),
)
_GREETING = re.compile(
    r"\bgood\s+(?:morning|afternoon|evening|night|day)\b|\b(?:have a|a)\s+(?:good|great|nice|"
    r"lovely)\s+(?:night|evening|day)\b|^\W*(?:morning|evening|afternoon)(?= all\b| there\b| everyone\b| folks\b|"
    r"\s*[,!.]|\W*$)"
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
    spoken = passage.take(_SPOKEN)
    if spoken:
        return _spoken_time(spoken, passage)
    for pattern in _CLOCK:
        match = passage.take(pattern)
        if match:
            groups = match.groupdict()
            hour = _hour_of_day(int(groups["hour"]), groups.get("half"), passage, led=groups["hour"].startswith("0"))
            return ClockTime(hour, int(groups.get("minute") or 0), passage.surface(*match.span()).strip())
    match = passage.take(_NOON)
    if match:
        return ClockTime(0 if match.group() == "midnight" else 12, 0, match.group())
    return None


def _spoken_time(match: re.Match[str], passage: Passage) -> ClockTime:
    named = match["hour"] or match["sharp"]
    hour = _hour_of_day(_HOUR_WORDS.get(named) or int(named), (match["half"] or "").strip()[:1], passage)
    part = match["part"] or ""
    minute = next((value for word, value in _PARTS_OF_HOUR.items() if part.startswith(word)), 0)
    if part.endswith("to"):
        hour, minute = (hour - 1) % 24, 60 - minute
    return ClockTime(hour, minute, passage.surface(*match.span()).strip())


def _hour_of_day(hour: int, half: str | None, passage: Passage, *, led: bool = False) -> int:
    """The hour of 24; `led`: written with a nought in front, which is the morning's way."""
    if half:
        return hour % 12 + (12 if half == "p" else 0)
    if 1 <= hour <= 11 and not led and (hour < 10 or TimeOfDay.MORNING is not read_time_of_day(passage)):
        return hour + 12
    return hour

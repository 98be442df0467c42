"""Days known by a name of their own: "New Year's Eve", "Thanksgiving", "the fourth of July"."""

import re
from datetime import date, timedelta

_FIXED = {
    r"new\s+years?'?s?'?\s+eve|nye": (12, 31),
    r"new\s+years?'?s?'?\s+day|new\s+year'?s": (1, 1),
    r"(?:christmas|xmas)\s+eve": (12, 24),
    r"(?:christmas|xmas)(?:\s+day)?(?!\s+(?:show|concert|event|music|market|party|gift|present|special|carol)s?\b)": (
        12,
        25,
    ),
    r"boxing\s+day": (12, 26),
    r"valentine'?s?(?:\s+day)?": (2, 14),
    r"(?:st\.?|saint)\s+patrick'?s?(?:\s+day)?|st\.?\s+paddy'?s?(?:\s+day)?": (3, 17),
    r"cinco\s+de\s+mayo": (5, 5),
    r"independence\s+day": (7, 4),
    r"hallow\s?e'?en": (10, 31),
    r"veterans?'?\s+day": (11, 11),
    r"guy\s+fawkes(?:\s+night)?|bonfire\s+night": (11, 5),
}
# Month, weekday (0 is Monday), which one of the month (-1: the last).
_MOVING = {
    r"thanksgiving(?:\s+day)?": (11, 3, 4),
    r"black\s+friday": (11, 4, 4),
    r"mother'?s'?\s+day": (5, 6, 2),
    r"father'?s'?\s+day": (6, 6, 3),
    r"memorial\s+day": (5, 0, -1),
    r"labou?r\s+day": (9, 0, 1),
    r"(?:martin\s+luther\s+king|mlk)(?:\s+day)?": (1, 0, 3),
    r"presidents?'?s?\s+day": (2, 0, 3),
    r"columbus\s+day": (10, 0, 2),
}
_NAMES = "|".join((*_FIXED, *_MOVING))
HOLIDAY = rf"(?:\b(?:on|for|over)\s+)?\b(?P<holiday>{_NAMES})\b(?:\s+(?P<long>weekend|wknd)\b)?"


def holiday(match: re.Match[str], today: date) -> tuple[date, date] | None:
    """The next such day, today included; with "weekend" the days off around it."""
    name = match["holiday"]
    this_year = _day_of(name, today.year)
    day = this_year if this_year >= today else _day_of(name, today.year + 1)
    return _weekend_of(day) if match["long"] else (day, day)


def _day_of(name: str, year: int) -> date:
    for pattern, (month, day) in _FIXED.items():
        if re.fullmatch(pattern, name):
            return date(year, month, day)
    month, weekday, place = next(rule for pattern, rule in _MOVING.items() if re.fullmatch(pattern, name))
    if place < 0:
        following = date(year + month // 12, month % 12 + 1, 1)
        return following - timedelta(days=(following.weekday() - weekday - 1) % 7 + 1)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (place - 1))


def _weekend_of(day: date) -> tuple[date, date]:
    """Saturday and Sunday nearest the day, and every day from the holiday to them."""
    saturday = day + timedelta(days=5 - day.weekday() if day.weekday() >= 2 else -2 - day.weekday())
    return (min(day, saturday), max(day, saturday + timedelta(days=1)))

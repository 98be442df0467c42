"""The words that name days: patterns for months, weekdays and days of the month, and what they stand for."""

import re
from calendar import monthrange
from datetime import date, timedelta

from usher_inference.understanding.lexicon import word_list

_MONTHS = word_list("january february march april may june july august september october november december")
_DAYS = word_list("monday tuesday wednesday thursday friday saturday sunday")
MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
# Months whose names are nothing else, or hardly ever; "may", "march" and "june" need a preposition or stand alone.
BARE_MONTH = (
    r"(?P<month>january|february|april|july|august|sept(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
WEEKDAY = (
    r"(?<!\bwe )(?<!\bi )(?<!in the )(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday|ensday|nsday)?|"
    r"thur?s?(?:day)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)(?:'?s)?\b\.?"
)
_NTHS = word_list(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
_DAY_ORDINALS = (
    {word: place for place, word in enumerate(_NTHS, start=1)}
    | {f"twenty{joint}{word}": 20 + place for joint in " -" for place, word in enumerate(_NTHS[:9], start=1)}
    | {"thirtieth": 30, "thirty first": 31, "thirty-first": 31}
)
ORDINAL_WORD = "|".join(sorted(_DAY_ORDINALS, key=len, reverse=True))
# Past the number of choices that are ever read out: a day even without "on".
LATE_ORDINAL_WORD = "|".join(word for word in ORDINAL_WORD.split("|") if _DAY_ORDINALS[word] > 10)
DAY_NUMBER = rf"(?P<day>[0-3]?\d(?:st|nd|rd|th)?|{ORDINAL_WORD})"
NTH = rf"(?P<day>[0-3]?\d\s?(?:st|nd|rd|th)\b|{ORDINAL_WORD})"
NTH_OR_DAY = rf"(?P<day>[0-3]?\d(?:st|nd|rd|th)?\b|{ORDINAL_WORD})"
YEAR = r"(?:,?\s*(?P<year>20\d\d))?"
BEFORE_DAY = r"(?:\b(?:on|for|from|by)\s+)?(?:\bthe\s+)?"

SECOND_DAY = WEEKDAY.replace("(?P<weekday>", "(?P<second>")
THIS_NEXT = r"this|this coming|coming|the coming|next|this next|the following|following"
SECOND_MONTH = MONTH.replace("(?P<month>", "(?P<month2>")
SECOND_DAY_NUMBER = DAY_NUMBER.replace("(?P<day>", "(?P<day2>")
NTH_OF = r"(?P<nth>1st|2nd|3rd|4th|first|second|third|fourth|last)"
_WHICH_MONTH = r"(?P<which>the|this|next|the next|the following|following)\s+month\b"
MONTH_OR_WHICH = rf"(?:{MONTH}|{_WHICH_MONTH})"
OF_MONTH = rf"(?:of|in)\s+{MONTH_OR_WHICH}"
PART = r"(?P<part>early|late|mid|middle|end of|start of|beginning of|late in|early in)"
UNTIL = r"(?:\s*(?:-|to|through|thru|until|till|or|and|&)\s*(?:the\s+)?(?P<until>[0-3]?\d(?:st|nd|rd|th)?))?"


def day_or_none(year: int, month: int, day: int) -> date | None:
    """The day, or None where the calendar has no such day."""
    return date(year, month, day) if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


def day_number(text: str) -> int:
    """21 for "21st" or "twenty-first"."""
    return _DAY_ORDINALS[text] if text in _DAY_ORDINALS else int(re.sub(r"\D", "", text))


def month_number(text: str) -> int:
    """1 for "jan" or "january"."""
    return next(number for number, name in enumerate(_MONTHS, start=1) if name.startswith(text[:3]))


def weekday_number(text: str) -> int:
    """0 for "mon" or "monday"."""
    return next(number for number, name in enumerate(_DAYS) if name.startswith(text[:3]))


def month_later(today: date, months: int) -> date:
    """The first day of the month so many months on."""
    index = today.month - 1 + months
    return date(today.year + index // 12, index % 12 + 1, 1)


def monday_of(today: date) -> date:
    """The Monday of the week that a day is in."""
    return today - timedelta(days=today.weekday())

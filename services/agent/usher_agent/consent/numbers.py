"""Numbers, dates, times and amounts of money as customers write them."""

import re
from decimal import Decimal

_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
WORDS = {word: value for value, word in enumerate(_COUNTS)}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH_NAMES = {name[:3]: name for name in MONTHS} | {name: name for name in MONTHS} | {"sept": "september"}
_MONEY = re.compile(r"([$€£]?)(\d+(?:,\d{3})*(?:\.\d+)?)")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?([ap]m)?")


def read_count(token: str) -> int | None:
    """Return the whole number a token names, in digits or as a word up to twelve."""
    if token.isascii() and token.isdigit():
        return int(token)
    return WORDS.get(token)


def read_amount(token: str) -> Decimal | None:
    """Return the amount of a token such as "$1,240.50" or "240"."""
    found = _MONEY.fullmatch(token)
    return Decimal(found[2].replace(",", "")) if found else None


def read_ordinal(token: str) -> int | None:
    """Return 8 for "8th"."""
    found = _ORDINAL.fullmatch(token)
    return int(found[1]) if found else None


def read_month(token: str) -> str | None:
    """Return the full name of the month a token names or abbreviates."""
    return _MONTH_NAMES.get(token)


def read_time(token: str) -> tuple[int, int] | None:
    """Return hour and minute of "19:30", "7:30pm" or "8pm"; None for a bare number."""
    found = _CLOCK.fullmatch(token)
    if not found or not (found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return hour, minute

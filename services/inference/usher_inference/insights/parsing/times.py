"""When: spans of days as half-open ranges. All days are UTC; weeks begin on Monday."""

from __future__ import annotations

import re
from calendar import month_abbr, month_name
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = {name.lower(): number for number, name in enumerate(month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(month_abbr) if name} | {"sept": 9}
_COUNTS = {
    word: number
    for number, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)
} | {"twelve": 12}
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_DAY = (
    rf"(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|{_ORDINAL}(?: of)? {_MONTH}(?:,? \d{{4}})?"
    rf"|{_MONTH} {_ORDINAL}(?!\d)(?:,? \d{{4}})?)"
)
_QUARTER = r"(?:q[1-4]|(?:first|second|third|fourth) quarter)(?: (?:of )?\d{4})?"
_POINT = (
    rf"(?:{_DAY}|{_MONTH}(?: (?:of )?\d{{4}})?|{_QUARTER}|(?:19|20)\d\d|yesterday|today"
    r"|last (?:week|month|quarter|year))"
)
_IN = r"(?:(?:in|over|during|for|within) )"
_UNIT = r"(?P<unit>hour|day|week|month|quarter|year)s?"


@dataclass(frozen=True, slots=True)
class Span:
    """From `first` (included) to `end` (excluded); None is open."""

    first: date | None
    end: date | None


@dataclass(frozen=True, slots=True)
class Found:
    """A time expression and where it stood in the text."""

    start: int
    end: int
    span: Span


def find_spans(text: str, today: date) -> list[Found]:
    """The time expressions of a question, left to right, none overlapping."""
    found: list[Found] = []
    for pattern, resolve in _RULES:
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            span = resolve(match, today)
            if span is not None:
                found.append(Found(match.start(), match.end(), span))
    return sorted(found, key=lambda each: each.start)


def add_months(day: date, months: int) -> date:
    """The first of the month that many months on."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _period(unit: str, today: date, ago: int) -> Span:
    """The whole calendar unit `ago` units back."""
    match unit:
        case "day":
            first = today - timedelta(days=ago)
            return Span(first, first + timedelta(days=1))
        case "week":
            first = today - timedelta(days=today.weekday() + 7 * ago)
            return Span(first, first + timedelta(days=7))
        case "quarter":
            first = add_months(date(today.year, 3 * ((today.month - 1) // 3) + 1, 1), -3 * ago)
            return Span(first, add_months(first, 3))
        case "year":
            return Span(date(today.year - ago, 1, 1), date(today.year - ago + 1, 1, 1))
    first = add_months(today, -ago)
    return Span(first, add_months(first, 1))


def _rolling(match: re.Match[str], today: date) -> Span | None:
    """ "the last 7 days": so many days up to and with today; months and years go back to the same day."""
    given = match["count"]
    count = _COUNTS.get(given) or (int(given) if given.isdecimal() else 0)
    if not 0 < count <= 4000:
        return None
    end = today + timedelta(days=1)
    match match["unit"]:
        case "day":
            return Span(end - timedelta(days=count), end)
        case "week":
            return Span(end - timedelta(weeks=count), end)
        case "hour":
            return Span(today - timedelta(days=-(-count // 24) - 1), end) if count >= 24 else None
    months = count * {"month": 1, "quarter": 3, "year": 12}[match["unit"]]
    if months > 1200:
        return None
    begin = add_months(today, -months)
    last = (add_months(begin, 1) - timedelta(days=1)).day
    return Span(begin.replace(day=min(today.day, last)) + timedelta(days=1), end)


def _point(text: str, today: date) -> Span | None:
    """A day, month, quarter or year. Without a year it is the latest that has begun."""
    text = text.strip().lower().replace(".", "")
    try:
        if match := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
            return _period("day", date(*map(int, match.groups())), 0)
        if text in ("today", "yesterday"):
            return _period("day", today, int(text == "yesterday"))
        if match := re.fullmatch(r"last (week|month|quarter|year)", text):
            return _period(match[1], today, 1)
        if re.fullmatch(r"\d{4}", text):
            return _period("year", date(int(text), 1, 1), 0)
        if match := re.fullmatch(r"(?:q([1-4])|(first|second|third|fourth) quarter)(?: (?:of )?(\d{4}))?", text):
            number = int(match[1] or ("first", "second", "third", "fourth").index(match[2]) + 1)
            year = int(match[3]) if match[3] else today.year - (date(today.year, 3 * number - 2, 1) > today)
            return _period("quarter", date(year, 3 * number - 2, 1), 0)
        words = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|,|\bof\b", " ", text).split()
        month = next(_MONTHS[word] for word in words if word in _MONTHS)
        numbers = [int(word) for word in words if word.isdecimal()]
        years = [number for number in numbers if number > 31]
        days = [number for number in numbers if number <= 31]
        day = date(years[0] if years else today.year, month, days[0] if days else 1)
        if not years and day > today:
            day = day.replace(year=today.year - 1)
        return _period("day" if days else "month", day, 0)
    except (ValueError, StopIteration):
        return None


def _between(match: re.Match[str], today: date) -> Span | None:
    last = _point(match["b"], today)
    first = _point(match["a"], today)
    if last is not None and (year := re.search(r"\d{4}", match["b"])) and not re.search(r"\d{4}", match["a"]):
        first = _point(f"{match['a']} {year.group()}", today)
    if first is None or last is None or first.first is None or last.end is None or first.first >= last.end:
        return None
    return Span(first.first, last.end)


def _side(match: re.Match[str], today: date) -> Span | None:
    point = _point(match["a"], today)
    if point is None:
        return None
    match re.sub(r"\s+", " ", match["side"].lower()):
        case "since" | "from" | "starting" | "starting in" | "on or after":
            return Span(point.first, None)
        case "after":
            return Span(point.end, None)
        case "before":
            return Span(None, point.first)
    return Span(None, point.end)  # until, through, up to


def _weekend(match: re.Match[str], today: date) -> Span:
    monday = today - timedelta(days=today.weekday() + (7 if match["which"] != "this" else 0))
    return Span(monday + timedelta(days=5), monday + timedelta(days=7))


_Resolve = Callable[[re.Match[str], date], Span | None]


def _rule(pattern: str, resolve: _Resolve) -> tuple[re.Pattern[str], _Resolve]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE), resolve


_RULES: tuple[tuple[re.Pattern[str], _Resolve], ...] = (
    _rule(
        rf"{_IN}?(?:the )?(?:last|past|previous) (?P<count>\d{{1,4}}|{'|'.join(_COUNTS)}) {_UNIT}",
        _rolling,
    ),
    _rule(rf"(?:in |on )?(?:between|from) (?P<a>{_POINT}) (?:and|to|until|till|through|-) (?P<b>{_POINT})", _between),
    _rule(rf"(?P<a>{_POINT}) ?(?:to|through|–|-) ?(?P<b>{_POINT})", _between),
    _rule(
        r"(?P<side>since|after|before|until|till|through|up to|starting(?: in)?|on or after|from)"
        rf" (?:the )?(?P<a>{_POINT})",
        _side,
    ),
    _rule(r"(?:(?:on|over|during) )?(?:the )?(?P<which>last|past|this) weekend", _weekend),
    _rule(
        r"(?:(?:in|over|during|for|within) )?(?:the )?(?:last|past|previous) (?P<unit>week|month|quarter|year)",
        lambda match, today: _period(match["unit"].lower(), today, 1),
    ),
    _rule(
        rf"{_IN}?(?:this|the current) (?P<unit>week|month|quarter|year)(?: so far)?"
        r"|(?P<ytd>year to date|ytd|month to date)",
        lambda match, today: _period(
            (match["unit"] or match["ytd"].split()[0].replace("ytd", "year")).lower(), today, 0
        ),
    ),
    _rule(r"(?:the )?day before yesterday", lambda _, today: _period("day", today, 2)),
    _rule(r"(?:from |on )?yesterday|(?:from )?today", lambda m, today: _point(m.group().split()[-1], today)),
    _rule(
        rf"(?:in|on|during|for|of|from)? ?(?:the )?(?:month of |year )?(?P<a>{_DAY})",
        lambda m, today: _point(m["a"], today),
    ),
    _rule(
        rf"(?:in|during|for|of|from) (?:the )?(?:month of |year )?(?P<a>{_POINT})"
        rf"|(?P<b>{_MONTH} (?:of )?\d{{4}}|q[1-4](?: (?:of )?\d{{4}})?)",
        lambda m, today: _point(m["a"] or m["b"], today),
    ),
    _rule(
        r"(?:on )?last (?P<day>monday|tuesday|wednesday|thursday|friday|saturday|sunday)",
        lambda m, today: _period("day", today - timedelta(days=_days_since(m["day"], today)), 0),
    ),
)


def _days_since(weekday: str, today: date) -> int:
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return (today.weekday() - names.index(weekday.lower()) - 1) % 7 + 1

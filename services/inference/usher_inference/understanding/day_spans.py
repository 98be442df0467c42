"""What each way of naming a day or a span of days stands for, counted from today.

Each function takes the match of its rule in `day_rules` and today's date, and returns the first and the last day, or
None where there is no such day ("February 30th").
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

from usher_inference.understanding.day_words import (
    day_number,
    day_or_none,
    monday_of,
    month_later,
    month_number,
    weekday_number,
)
from usher_inference.understanding.numbers import parse_count

Span = tuple[date, date]
Resolve = Callable[[re.Match[str], date], Span | None]


def one(day: date | None) -> Span | None:
    return (day, day) if day else None


def nearest_year(month: int, day: int, today: date, year: str | None) -> date | None:
    if year:
        return day_or_none(int(year), month, day)
    found = day_or_none(today.year, month, day)
    return found if found and found >= today else day_or_none(today.year + 1, month, day)


def month_and_day(match: re.Match[str], today: date) -> Span | None:
    month = month_number(match["month"])
    first = nearest_year(month, day_number(match["day"]), today, match.groupdict().get("year"))
    until = match.groupdict().get("until")
    if first and until:
        last = day_or_none(first.year, first.month, day_number(until))
        return (first, last) if last and last >= first else one(first)
    return one(first)


def slashed(match: re.Match[str], today: date) -> Span | None:
    first, second, year = int(match["a"]), int(match["b"]), match["y"]
    if year and len(year) == 2:
        year = f"20{year}"
    month, day = (second, first) if first > 12 else (first, second)
    return one(nearest_year(month, day, today, year))


def iso(match: re.Match[str], today: date) -> Span | None:
    return one(day_or_none(int(match["y"]), int(match["m"]), int(match["d"])))


def day_of_month(match: re.Match[str], today: date) -> Span | None:
    """ "the 13th": the next such day; "of next month", "of this month" say which."""
    day, which = day_number(match["day"]), match.groupdict().get("which") or ""
    start = month_later(today, 1) if "next" in which or "following" in which else today.replace(day=1)
    found = day_or_none(start.year, start.month, day)
    if not which and (found is None or found < today):
        later = month_later(today, 1)
        found = day_or_none(later.year, later.month, day)
    return one(found)


def weekday(match: re.Match[str], today: date) -> Span | None:
    """A bare or "this" weekday is the coming one (today counts); "next" is the one of the next calendar week."""
    number = weekday_number(match["weekday"])
    which = f"{match.groupdict().get('which') or ''} {match.groupdict().get('week') or ''}"
    if "after next" in which:
        return one(monday_of(today) + timedelta(days=14 + number))
    if re.search(r"\bnext|following", which):
        return one(monday_of(today) + timedelta(days=7 + number))
    ahead = (number - today.weekday()) % 7
    if "from now" in which or "in a week" in which:
        ahead += 7
    return one(today + timedelta(days=ahead))


def weekend(match: re.Match[str], today: date) -> Span | None:
    which = match["which"] or ""
    weeks = 2 if "after next" in match.group() else int("next" in which or "following" in which)
    saturday = monday_of(today) + timedelta(days=5 + 7 * weeks)
    return (max(saturday, today), saturday + timedelta(days=1))


def week(match: re.Match[str], today: date) -> Span | None:
    """A calendar week from today on; "early" is its Monday to Wednesday, "late" and "the end of" Thursday to Sunday."""
    weeks = 2 if "after next" in match.group() else int("next" in match["which"] or "following" in match["which"])
    monday = monday_of(today) + timedelta(days=7 * weeks)
    part = match["part"] or ""
    first = monday + timedelta(days=3 if re.match(r"late\b|end", part) else 0)
    last = monday + timedelta(days=2 if re.match(r"early|start|beginning", part) else 6)
    return (max(first, today), last) if last >= today else None


def weekday_in_weeks(match: re.Match[str], today: date) -> Span | None:
    """ "Two weeks from Saturday", "Friday week", "a fortnight on Sunday": counted from the coming such day."""
    groups = match.groupdict()
    count = groups.get("count") or "a"
    weeks = 1 if count in ("a", "an", "one") else parse_count(count) or 1
    weeks = 2 if "fortnight" in match.group() else weeks
    ahead = (weekday_number(match["weekday"]) - today.weekday()) % 7
    return one(today + timedelta(days=ahead + 7 * weeks))


def week_of(match: re.Match[str], today: date) -> Span | None:
    """ "The week of December 7th", "the week of the 7th": from Monday to Sunday."""
    day = month_and_day(match, today) if match["month"] else day_of_month(match, today)
    return (monday_of(day[0]), monday_of(day[0]) + timedelta(days=6)) if day else None


def nth_weekday(match: re.Match[str], today: date) -> Span | None:
    """ "The first Saturday in December", "the last Friday of next month"."""
    first = _month_named(match, today)
    start = first - timedelta(days=first.day - 1)
    days = [start + timedelta(days=day) for day in range(monthrange(start.year, start.month)[1])]
    fitting = [day for day in days if day.weekday() == weekday_number(match["weekday"])]
    place = -1 if match["nth"] == "last" else day_number(match["nth"]) - 1
    return one(fitting[place]) if place < len(fitting) else None


def nth_week(match: re.Match[str], today: date) -> Span | None:
    """ "The first week of December" is its first seven days; the last week is the month's last seven."""
    first = _month_named(match, today)
    end = monthrange(first.year, first.month)[1]
    start = end - 6 if match["nth"] == "last" else 7 * day_number(match["nth"]) - 6
    return (first.replace(day=start), first.replace(day=min(start + 6, end))) if start <= end else None


def part_of_month(match: re.Match[str], today: date) -> Span | None:
    """ "Early December" is its first ten days, "mid" the next ten, "late" the rest; "the end of" its last week."""
    first = _month_named(match, today)
    end = monthrange(first.year, first.month)[1]
    part = match["part"]
    if part.startswith(("early", "start", "beginning")):
        span = (1, 10)
    elif part.startswith("mid"):
        span = (11, 20)
    else:
        span = (21, end) if part.startswith("late") or match["month"] else (end - 6, end)
    start, last = first.replace(day=span[0]), first.replace(day=span[1])
    return (max(start, today), last) if last >= today else None


def _month_named(match: re.Match[str], today: date) -> date:
    """The first day of the month that a match names, the coming one where no year is said."""
    if not match["month"]:
        which = match["which"] or ""
        return month_later(today, 1) if "next" in which or "following" in which else today.replace(day=1)
    number = month_number(match["month"])
    return date(today.year + (number < today.month), number, 1)


def between_months(match: re.Match[str], today: date) -> Span | None:
    """ "From Dec 30 to Jan 2"."""
    first = nearest_year(month_number(match["month"]), day_number(match["day"]), today, None)
    if first is None:
        return None
    month = month_number(match["month2"]) if match["month2"] else first.month
    last = nearest_year(month, day_number(match["day2"]), first, None)
    return (first, last) if last and (last - first).days < 60 else one(first)


def month_span(match: re.Match[str], today: date) -> Span | None:
    which = match.groupdict().get("which")
    if which:
        start = month_later(today, 1) if "next" in which or "following" in which else today
    else:
        number = month_number(match["month"])
        year = int(match["year"]) if match["year"] else today.year + (number < today.month)
        start = (
            max(date(year, number, 1), today) if (year, number) == (today.year, today.month) else date(year, number, 1)
        )
    return (start, date(start.year, start.month, monthrange(start.year, start.month)[1]))


def ahead(match: re.Match[str], today: date) -> Span | None:
    count = 1 if match["count"] in ("a", "an", "the") else parse_count(match["count"])
    if count is None:
        return None
    if match["unit"].startswith("month"):
        later = month_later(today, count)
        return one(day_or_none(later.year, later.month, min(today.day, monthrange(later.year, later.month)[1])))
    days = {"w": 7, "f": 14}.get(match["unit"][0], 1)
    return one(today + timedelta(days=count * days))


def within(match: re.Match[str], today: date) -> Span | None:
    count = (parse_count(match["count"]) if match["count"] else 1) or 1
    days = {"d": 1, "w": 7, "m": 30}[match["unit"][0]]
    return (today, today + timedelta(days=count * days))


def fixed(days: int) -> Resolve:
    return lambda _match, today: one(today + timedelta(days=days))


def day_pair(match: re.Match[str], today: date) -> Span | None:
    first = today + timedelta(days=(weekday_number(match["weekday"]) - today.weekday()) % 7)
    return (first, first + timedelta(days=(weekday_number(match["second"]) - first.weekday()) % 7))

"""Days and spans of days named in everyday English, resolved against today."""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.model import DateMention
from usher_inference.understanding.numbers import COUNT, ORDINALS, parse_count
from usher_inference.understanding.passage import Passage

_MONTHS = word_list("january february march april may june july august september october november december")
_DAYS = word_list("monday tuesday wednesday thursday friday saturday sunday")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
# Months whose names are nothing else, or hardly ever; "may", "march" and "june" need a preposition or stand alone.
_BARE_MONTH = (
    r"(?P<month>january|february|april|july|august|sept(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = (
    r"(?<!\bwe )(?<!\bi )(?<!in the )(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday|ensday|nsday)?|"
    r"thur?s?(?:day)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\b\.?(?:'s)?"
)
_ORDINAL_WORD = "|".join(word for word, place in ORDINALS.items() if place > 0)
_NUMBER = rf"(?P<day>[0-3]?\d(?:st|nd|rd|th)?|{_ORDINAL_WORD})"
_NTH = rf"(?P<day>[0-3]?\d\s?(?:st|nd|rd|th)\b|{_ORDINAL_WORD})"
_YEAR = r"(?:,?\s*(?P<year>20\d\d))?"
_LEAD = r"(?:\b(?:on|for|from|by)\s+)?(?:\bthe\s+)?"

_MOST_CHOICES = 10  # "the 22nd" is a day even where a list was read out

_Resolve = Callable[[re.Match[str], date], tuple[date, date] | None]


def _one(day: date | None) -> tuple[date, date] | None:
    return (day, day) if day else None


def _calendar(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


def _day_number(text: str) -> int:
    return ORDINALS[text] if text in ORDINALS else int(re.sub(r"\D", "", text))


def _month_number(text: str) -> int:
    return next(number for number, name in enumerate(_MONTHS, start=1) if name.startswith(text[:3]))


def _weekday_number(text: str) -> int:
    return next(number for number, name in enumerate(_DAYS) if name.startswith(text[:3]))


def _nearest_year(month: int, day: int, today: date, year: str | None) -> date | None:
    if year:
        return _calendar(int(year), month, day)
    found = _calendar(today.year, month, day)
    return found if found and found >= today else _calendar(today.year + 1, month, day)


def _month_and_day(match: re.Match[str], today: date) -> tuple[date, date] | None:
    month = _month_number(match["month"])
    first = _nearest_year(month, _day_number(match["day"]), today, match["year"])
    until = match.groupdict().get("until")
    if first and until:
        last = _calendar(first.year, first.month, _day_number(until))
        return (first, last) if last and last >= first else _one(first)
    return _one(first)


def _slashed(match: re.Match[str], today: date) -> tuple[date, date] | None:
    first, second, year = int(match["a"]), int(match["b"]), match["y"]
    if year and len(year) == 2:
        year = f"20{year}"
    month, day = (second, first) if first > 12 else (first, second)
    return _one(_nearest_year(month, day, today, year))


def _iso(match: re.Match[str], today: date) -> tuple[date, date] | None:
    return _one(_calendar(int(match["y"]), int(match["m"]), int(match["d"])))


def _month_later(today: date, months: int) -> date:
    index = today.month - 1 + months
    return date(today.year + index // 12, index % 12 + 1, 1)


def _day_of_month(match: re.Match[str], today: date) -> tuple[date, date] | None:
    """ "the 13th": the next such day; "of next month", "of this month" say which."""
    day, which = _day_number(match["day"]), match.groupdict().get("which") or ""
    start = _month_later(today, 1) if "next" in which or "following" in which else today.replace(day=1)
    found = _calendar(start.year, start.month, day)
    if not which and (found is None or found < today):
        later = _month_later(today, 1)
        found = _calendar(later.year, later.month, day)
    return _one(found)


def _monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


def _weekday(match: re.Match[str], today: date) -> tuple[date, date] | None:
    """A bare or "this" weekday is the coming one (today counts); "next" is the one of the next calendar week."""
    number = _weekday_number(match["weekday"])
    which = f"{match.groupdict().get('which') or ''} {match.groupdict().get('week') or ''}"
    if "after next" in which:
        return _one(_monday(today) + timedelta(days=14 + number))
    if re.search(r"\bnext|following", which):
        return _one(_monday(today) + timedelta(days=7 + number))
    ahead = (number - today.weekday()) % 7
    if "from now" in which or "in a week" in which:
        ahead += 7
    return _one(today + timedelta(days=ahead))


def _weekend(match: re.Match[str], today: date) -> tuple[date, date] | None:
    which = match["which"] or ""
    friday = _monday(today) + timedelta(days=4 + (7 if "next" in which or "following" in which else 0))
    saturday = friday + timedelta(days=1)
    return (max(saturday, today), saturday + timedelta(days=1))


def _week(match: re.Match[str], today: date) -> tuple[date, date] | None:
    monday = _monday(today) + timedelta(days=7 if "next" in match["which"] or "following" in match["which"] else 0)
    return (max(monday, today), monday + timedelta(days=6))


def _month_span(match: re.Match[str], today: date) -> tuple[date, date] | None:
    which = match.groupdict().get("which")
    if which:
        start = _month_later(today, 1) if "next" in which or "following" in which else today
    else:
        number = _month_number(match["month"])
        year = int(match["year"]) if match["year"] else today.year + (number < today.month)
        start = (
            max(date(year, number, 1), today) if (year, number) == (today.year, today.month) else date(year, number, 1)
        )
    return (start, date(start.year, start.month, monthrange(start.year, start.month)[1]))


def _ahead(match: re.Match[str], today: date) -> tuple[date, date] | None:
    count = 1 if match["count"] in ("a", "an", "the") else parse_count(match["count"])
    if count is None:
        return None
    if match["unit"].startswith("month"):
        later = _month_later(today, count)
        return _one(_calendar(later.year, later.month, min(today.day, monthrange(later.year, later.month)[1])))
    return _one(today + timedelta(days=count * (7 if match["unit"].startswith("week") else 1)))


def _within(match: re.Match[str], today: date) -> tuple[date, date] | None:
    count = (parse_count(match["count"]) if match["count"] else 1) or 1
    days = {"d": 1, "w": 7, "m": 30}[match["unit"][0]]
    return (today, today + timedelta(days=count * days))


def _fixed(days: int) -> _Resolve:
    return lambda _match, today: _one(today + timedelta(days=days))


def _sunday_pair(match: re.Match[str], today: date) -> tuple[date, date] | None:
    first = today + timedelta(days=(_weekday_number(match["weekday"]) - today.weekday()) % 7)
    return (first, first + timedelta(days=(_weekday_number(match["second"]) - first.weekday()) % 7))


_SECOND_DAY = _DAY.replace("(?P<weekday>", "(?P<second>")
_THIS_NEXT = r"this|this coming|coming|the coming|next|this next|the following|following"
_UNTIL = r"(?:\s*(?:-|to|through|thru|until|till|or|and|&)\s*(?:the\s+)?(?P<until>[0-3]?\d(?:st|nd|rd|th)?))?"

# From the most to the least specific; what one claims the next never sees.
_RULES: tuple[tuple[re.Pattern[str], _Resolve], ...] = tuple(
    (re.compile(pattern), resolve)
    for pattern, resolve in (
        (r"\b(?P<y>20\d\d)-(?P<m>\d\d?)-(?P<d>\d\d?)(?:t[\d:]+z?)?\b", _iso),
        (
            rf"{_LEAD}\b{_MONTH}\s+(?:the\s+)?{_NUMBER}(?![\d:]){_UNTIL}(?!\s*(?:tickets?|seats?|"
            rf"people)){_YEAR}",
            _month_and_day,
        ),
        (
            rf"\b(?:between|from)\s+(?:the\s+)?{_NUMBER}\s*(?:and|to|-|until|till)\s*(?:the\s+)?"
            rf"(?P<until>[0-3]?\d(?:st|nd|rd|th)?)\s+(?:of\s+)?{_MONTH}{_YEAR}",
            _month_and_day,
        ),
        (rf"{_LEAD}\b{_NUMBER}\s+(?:of\s+|day of\s+)?{_MONTH}{_YEAR}", _month_and_day),
        (r"(?:\bon\s+)?(?<![\d/-])(?P<a>\d\d?)/(?P<b>\d\d?)(?:/(?P<y>20\d\d|\d\d))?(?![\d/])", _slashed),
        (
            rf"{_LEAD}\b{_NTH}\s+(?:day\s+)?of\s+(?P<which>(?:this|the|next|the next|the following|the current|"
            r"current)\s+month)\b",
            _day_of_month,
        ),
        (rf"{_LEAD}\bday\s+after\s+tom+or+ow\b", _fixed(2)),
        (r"\b(?:yesterday(?:'s)?|last\s+night(?:'s)?)\b", _fixed(-1)),
        (r"(?:\bon\s+)?\b(?:tom+or+ow|tmrw|tmr|tomoro|2moro|tomo)\b", _fixed(1)),
        (
            r"(?:\b(?:on|for)\s+)?\b(?:later\s+)?(?:today|tonight|tonite|2nite|2night|"
            r"this\s+(?:very\s+)?(?:evening|afternoon|morning))\b",
            _fixed(0),
        ),
        (rf"{_LEAD}\b{_DAY}\s*(?:-|to|or|through|and|&)\s*{_SECOND_DAY}", _sunday_pair),
        (
            rf"{_LEAD}\b(?:(?P<which>{_THIS_NEXT})\s+)?{_DAY}\s+(?:of\s+)?(?P<week>this week|next week|"
            r"the week after next|week after next|the following week|a week from now|in a week)\b",
            _weekday,
        ),
        (rf"{_LEAD}\b(?:(?P<which>{_THIS_NEXT})\s+)?{_DAY}", _weekday),
        (
            rf"(?:\b(?:on|for|over|during)\s+)?(?:\b(?P<which>{_THIS_NEXT}|the|that|over the)\s+)?\b(?:weekend|"
            r"wknd)\b",
            _weekend,
        ),
        (r"(?:\b(?:some\s*time|later|during|for)\s+)?\b(?P<which>this|next|the following|the next)\s+week\b", _week),
        (r"(?:\b(?:some\s*time|later|during|for)\s+)?\b(?P<which>this|next|the following)\s+month\b", _month_span),
        (
            rf"\b(?P<count>an?|{COUNT})\s+(?P<unit>days?|weeks?|months?)\s+(?:from\s+(?:now|today)|"
            r"from\s+this\s+day|later)\b",
            _ahead,
        ),
        (
            rf"\bin\s+(?:the\s+next\s+|the\s+coming\s+)(?:(?P<count>{COUNT}|few)\s+)?(?P<unit>days?|weeks?|"
            r"months?)\b",
            _within,
        ),
        (
            rf"\b(?:within|over)\s+(?:the\s+next\s+|the\s+coming\s+)?(?:(?P<count>an?|{COUNT}|"
            r"few)\s+)?(?P<unit>days?|weeks?|months?)\b",
            _within,
        ),
        (rf"\b(?:in|exactly)\s+(?P<count>an?|{COUNT})\s+(?P<unit>days?|weeks?|months?)(?:'s?)?(?:\s+time)?\b", _ahead),
        (rf"\b(?:in|during|for|of)\s+(?:early |late |mid[- ]?)?{_MONTH}{_YEAR}", _month_span),
        (rf"\b(?:(?:early|late|mid|this|next|coming)[- ])?{_BARE_MONTH}{_YEAR}(?!\s*\d)", _month_span),
        (rf"^\W*(?:(?:or|and|maybe|how about|what about)\s+)?{_MONTH}{_YEAR}\W*$", _month_span),
    )
)

# "the 2nd" may also be a choice ("the 2nd one"); a following noun settles it.
_BARE_NTH = re.compile(
    rf"(?:\b(?:on|for|by)\s+the\s+(?P<on>[0-3]?\d\s?(?:st|nd|rd|th)|{_ORDINAL_WORD})\b|"
    r"\b(?P<day>[0-3]?\d\s?(?:st|nd|rd|th))\b)"
    r"(?!\s+(?:one|option|choice|row|rows|level|floor|section|pair|game|show|set|half|street|st|avenue|ave|"
    r"time|deck|base|tier|event|result|pick|from|seat|ticket|anniversary|birthday))"
)
# "Saturday, not Friday": the day turned down.
_REFUSED = re.compile(r"\b(?:not|instead of|rather than|except|but not|can't do|cannot do)\s+(?:on\s+|for\s+)?$")
_ANY_DATE = re.compile(
    r"\bany\s?(?:day|date|time)\b(?!\s+(?:before|after|between|from))|\bwhenever\b|"
    r"\b(?:doesn'?t|does not|don'?t|do not)\s+(?:really\s+)?(?:matter|care|mind)\s+(?:about\s+|"
    r"on\s+)?(?:when|(?:what|which|the|any)\s+(?:\w+\s+)?(?:days?|dates?|time))\b|"
    r"\b(?:dates?|day|when)\s+(?:really\s+)?(?:doesn'?t|does not|don'?t|do not|is not|"
    r"isn'?t)\s+(?:really\s+)?(?:matter|important)|"
    r"\bflexible\s+(?:on|with|about|as to)\s+(?:the\s+|my\s+|what\s+|which\s+)?(?:dates?|days?|when)|"
    r"\b(?:my\s+)?dates?\s+(?:are|is)\s+(?:open|flexible)|\bopen to any\b|"
    r"\b(?:no|not|don'?t|without|n't)\s+(?:\w+\s+){0,3}?(?:date|day)s?\s+(?:preferences?|in mind)|"
    r"\b(?:no|not|don'?t|without|n't)\s+(?:\w+\s+){0,3}?(?:preferences?|particular|specific|"
    r"prefer)\s+(?:\w+\s+){0,3}?(?:dates?|days?|when)\b"
)


def read_dates(passage: Passage, today: date, *, choosing: bool = False) -> tuple[DateMention, ...]:
    """Claim every day or span named, in the order they stand. `choosing`: options were just offered by number, so
    a bare "the 2nd" is a choice and left alone, though "on the 2nd" is a day."""
    found: list[tuple[int, DateMention]] = []
    for pattern, resolve in _RULES:
        for match in pattern.finditer(passage.open):
            _keep(passage, match, resolve(match, today), found)
    for match in _BARE_NTH.finditer(passage.open):
        day = re.sub(r"\D", "", match["day"] or "")
        if match["on"] or not choosing or (day and int(day) > _MOST_CHOICES):
            named = re.sub(r"\s", "", match["day"] or match["on"])
            bare = re.match(rf"{_NTH}", named)
            if bare:
                _keep(passage, match, _day_of_month(bare, today), found)
    mentions = [mention for _, mention in sorted(found, key=lambda item: item[0])]
    return tuple(mention for mention in mentions if not _is_weekday_of_another(mention, mentions))


def _is_weekday_of_another(mention: DateMention, mentions: list[DateMention]) -> bool:
    """ "Saturday, March 9th": the weekday only repeats the day of the month."""
    if not re.fullmatch(rf"(?:the )?{_DAY}", mention.surface.lower()):
        return False
    return any(
        other is not mention
        and other.is_single_day
        and re.search(r"\d", other.surface)
        and other.start.weekday() == mention.start.weekday()
        for other in mentions
    )


def _keep(
    passage: Passage, match: re.Match[str], span: tuple[date, date] | None, found: list[tuple[int, DateMention]]
) -> None:
    if span is None or "¦" in passage.open[match.start() : match.end()]:
        return
    if _REFUSED.search(passage.low[: match.start()]):
        passage.claim(*match.span())
        return
    words = re.sub(r"^(?:on|for|from|by|in|during|of)\s+", "", passage.surface(*match.span()).strip(), flags=re.I)
    # The same day said twice over ("Saturday, March 2nd") stays one mention.
    if span not in [(mention.start, mention.end) for _, mention in found]:
        found.append((match.start(), DateMention(*span, surface=words)))
    passage.claim(*match.span())


def says_any_date(passage: Passage) -> bool:
    """Whether the customer leaves the day open ("any day works")."""
    return _ANY_DATE.search(passage.low) is not None

"""The figures in a text: amounts, percentages, times, dates, places, ids, quantities, and any other number.

One expression finds them all, so that a text is gone through once; each value has one spelling, whatever the text's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """`value` of a figure by kind.

    MONEY: thousandths of a major unit. PERCENT and NUMBER: the number in its shortest spelling. TIME: (minutes of the
    day, whether they may be twelve hours later). DATE: (year or None, month or None, day). PLACE: (`section`, `row` or
    `seat`, label). NAME: an id, in lower case. COUNT: how many of something. SPAN: seconds.
    """

    MONEY = "money"
    PERCENT = "percent"
    TIME = "time"
    DATE = "date"
    PLACE = "place"
    NAME = "name"
    COUNT = "count"
    SPAN = "span"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Figure:
    """`unit` is how many seconds one of a SPAN's units has; `said` the words."""

    kind: Kind
    value: Any
    said: str
    unit: int = 0


_ONES = (
    "one two three four five six seven eight nine ten "
    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {
    **{word: number for number, word in enumerate(_ONES.split(), 1)},
    **{word: number * 10 for number, word in enumerate(_TENS.split(), 2)},
    "hundred": 100,
    "thousand": 1000,
}
NUMBER_WORDS = (*(word for word in _WORDS if word != "one"), "half", "quarter")
_FEW = 12
_MOST = 1e15
_UNITS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600, "day": 86_400, "week": 604_800}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# how often a currency is written by its code; any three capitals would take in words
_CODES = "USD|EUR|GBP|CHF|CAD|AUD|NZD|JPY|KRW|SEK|NOK|DKK|PLN|CZK|HUF|RON|INR|MXN|BRL|ZAR|SGD|HKD|KWD|BHD|TRY|AED|ILS"
_NUM = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+,\d{2}(?![\d,])|\d+(?:\.\d+)?"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_LABEL = r"(?:(?:[A-Z]{0,3}-?\d+(?:-?[A-Z\d]+)*[a-z]?|(?!I\b)[A-Z]{1,3})(?![\w'’-]))"
_ORDINAL = r"(?:st|nd|rd|th)"
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_THING = (
    r"tickets?|seats?|places|spots|passes|people|persons|adults|guests|of you|of them|events?|shows?|games?|concerts?|"
    r"matches|performances|dates|orders?|options|sections|rows|pairs"
)
_LINK = r"(?![Oo]f\b|[Aa]t\b|[Ii]n\b|[Ff]or\b|[Tt]o\b|[Aa]nd\b|[Oo]r\b)[A-Za-z-]+\ "  # an adjective before the thing
_UNIT = r"(?i:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)"
_EACH = r"(?i:each|apiece|a\ (?:seat|ticket|head|person)|in\ (?:all|total)|altogether)\b"
_NOTES = r"(?i:dollars?|euros?|pounds?|bucks|quid|cents?)\b"
# begins at a word, so that most positions are passed over at once
_FIGURE = re.compile(
    rf"""
    (?<![A-Za-z\d])(?:
    (?=[\d$€£¥-])(?:
        (?P<iso>\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)
      | (?P<day>\d{{1,2}}{_ORDINAL}?\ (?:of\ )?(?i:{_MONTH})(?:,?\ \d{{4}}\b)?)
      | (?P<slashed>\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?\b)
      | (?P<time>\d{{1,2}}:\d\d(?::\d\d)?(?:\s?[aApP]\.?[mM]\b\.?)? | \d{{1,2}}(?:\.\d\d)?\s?[aApP]\.?[mM]\b\.?)
      | (?P<money>[$€£¥]\s?-?(?:{_NUM})(?:k\b)? | -?(?:{_NUM})\s?(?:[€£$]|(?:{_CODES})\b|{_NOTES}))
      | (?P<percent>(?:{_NUM})\s?(?:%|(?i:percent|per\ cent)\b))
      | (?P<span>(?P<long>{_NUM})[\ -](?:(?i:more|full|whole|business)\ )?(?P<unit>{_UNIT})\b)
      | (?P<count>(?P<many>\d{{1,6}})\ (?:{_LINK}){{0,2}}(?i:{_THING})\b(?!\ (?:\d|[A-Z]{{1,3}}\b)))
      | (?P<share>\d{{1,4}}\ of\ (?=\d))
      | (?P<number>(?<![\w.])(?:{_NUM}))
    )
    | (?=[A-Za-z])(?:
        (?P<place>(?P<where>(?i:section|sec\.|block|row|seat)(?P<several>(?i:s))?)\ (?:(?i:numbers?|no\.)\ )?
          (?P<labels>{_LABEL}(?(several)(?:(?:,|,?\ (?:and|or|to|through|–|-|&))\s?(?:{_LABEL}))*)))
      | (?P<month>(?i:{_MONTH})\ \d{{1,2}}{_ORDINAL}?\b(?!:)(?:,?\ \d{{4}}\b)?)
      | (?P<the>(?i:the)\ \d{{1,2}}{_ORDINAL}\b(?!\ (?i:row|floor|level|section|seat|avenue|street|st\b)))
      | (?P<moneycode>(?:(?:{_CODES})\s?|(?:US|CA|AU|C|A|NZ)[$€£]\s?)-?(?:{_NUM}))
      | (?P<spoken>(?P<part>(?i:half|quarter))\ (?P<side>(?i:past|to))\ (?P<hour>(?i:{_WORD}))\b
          |(?P<sharp>(?i:{_WORD}))\ o['’]?clock\b)
      | (?P<spelt>(?P<word>(?i:(?:{_WORD})(?:(?:[\ -]|\ and\ )(?:{_WORD}))*))[\ -](?:(?P<notes>{_NOTES}|{_EACH})
          |(?P<cent>(?i:percent|per\ cent)\b)
          |(?P<wordunit>(?:(?i:more|full|whole|business)\ )?{_UNIT})\b
          |(?P<wordthing>(?:{_LINK}){{0,2}}(?i:{_THING}))\b(?!\ (?:\d|[A-Z]{{1,3}}\b))))
      | (?P<half>(?i:half)[\ -](?i:price|off)\b)
      | (?P<name>[A-Za-z]{{1,12}}[_-](?=[\w-]*\d)[\w-]+ | [A-Z]{{2,8}}_[A-Za-z0-9]{{3,}}
          | (?=[A-Za-z]*\d[A-Za-z\d]*)[A-Za-z\d]{{6,}}\b)
    ))
    """,
    re.VERBOSE,
)
_LISTED = re.compile(r"(?m)^[ \t]*\(?\d{1,2}[.)](?=\s|$)|\[\d{1,2}\]")  # numbers of a list's lines, and of sources
_EXAMPLE = re.compile(r"(?i:for example|such as|for instance|e\.g\.|say),? [“\"'‘][^”\"'’\n]*[”\"'’]")
_EACH_LABEL = re.compile(_LABEL)
# a place that is named by letters alone
names_place = re.compile(rf"(?i:\b(?:section|sec\.|block|row|seat)s?) {_LABEL}").search
_PLACES = {"sec": "section", "blo": "section", "row": "row", "sea": "seat"}


def shortest(number: str) -> str:
    """`1,240.50` -> `1240.5`, `007` -> `7`, `45,00` -> `45`."""
    if "," in number:
        head, _, tail = number.rpartition(",")
        number = f"{head}.{tail}" if len(tail) == 2 and "." not in number else number.replace(",", "")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0"


def thousandths(number: str) -> int:
    """Of the amount that is written: `1,240.50` -> 1240500."""
    return round(size(shortest(number)) * 1000)


def size(number: str) -> float:
    """The number that is written, however long it is: nothing here is a thousand billions."""
    return max(min(float(number), _MOST), -_MOST)


def _amount(said: str) -> str:
    found = re.search(_NUM, said)
    return found.group() if found else "0"


def _money(said: str) -> int:
    value = thousandths(_amount(said))
    if said[-1] in "kK" and said[0] in "$€£¥":
        return value * 1000
    return value // 100 if said.lower().rstrip("s").endswith("cent") else value


def clock(said: str) -> tuple[int, bool]:
    """Minutes of the day, and whether twelve hours more may be meant: `7:30 pm`, `19:30`, `7.30pm`, `7 pm`."""
    numbers = re.findall(r"\d+", said)
    hour, minute = int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0
    low = said.lower()
    if "p" in low or "a" in low:
        hour = hour % 12 + (12 if "p" in low else 0)
        return hour * 60 + minute, False
    return hour * 60 + minute, 0 < hour <= 12


def _date(kind: str, said: str) -> tuple[int | None, int | None, int]:
    numbers = [int(number) for number in re.findall(r"\d+", said)]
    if kind == "iso":
        return numbers[0], numbers[1], numbers[2]
    if kind == "the":
        return None, None, numbers[0]
    if kind == "slashed":
        year = numbers[2] if len(numbers) > 2 else None
        return (year + 2000 if year is not None and year < 100 else year), numbers[0], numbers[1]
    named = re.search(_MONTH, said, re.IGNORECASE)
    month = _MONTHS[named.group()[:3].lower()] if named else None
    return (numbers[1] if len(numbers) > 1 else None), month, numbers[0]


def figures(text: str) -> Iterator[Figure]:
    """The figures of a text in order; those of examples and the numbers of a list's lines are left out."""
    if "“" in text or '"' in text or "'" in text or "‘" in text:
        text = _EXAMPLE.sub(" ", text)
    text = _LISTED.sub(" ", text)
    for found in _FIGURE.finditer(text):
        # groups within groups: the outer one is asked for by name
        if found["place"] is not None:
            yield from _places(found)
        elif found["span"] is not None:
            yield _span(found)
        elif found["count"] is not None:
            yield Figure(Kind.COUNT, int(found["many"]), found.group())
        elif found["spelt"] is not None:
            yield _spelt(found)
        elif found["spoken"] is not None:
            yield _spoken(found)
        else:
            yield from _plain(found.lastgroup or "", found.group())


def _spelt(found: re.Match[str]) -> Figure:
    value = _in_words(found["word"])
    said = found.group()
    if found["notes"] is not None:
        low = found["notes"].lower()
        if value <= _FEW and not low.startswith(("dollar", "euro", "pound", "buck", "quid", "cent")):
            return Figure(Kind.COUNT, value, said)  # "two each" is of tickets
        return Figure(Kind.MONEY, value * (10 if low.startswith("cent") else 1000), said)
    if found["cent"] is not None:
        return Figure(Kind.PERCENT, str(value), said)
    if found["wordunit"] is not None and value > 1:  # "one minute" is no figure
        unit = _UNITS[found["wordunit"].lower().rpartition(" ")[2].rstrip("s")]
        return Figure(Kind.SPAN, value * unit, said, unit)
    return Figure(Kind.COUNT, value, said)


def _in_words(words: str) -> int:
    """`two hundred and eighty` -> 280."""
    total = below = 0
    for word in re.split(r"[ -]", words.lower()):
        value = _WORDS.get(word, 0)
        if value == 1000:
            total, below = total + (below or 1) * 1000, 0
        elif value == 100:
            below = (below or 1) * 100
        else:
            below += value
    return total + below


def _spoken(found: re.Match[str]) -> Figure:
    """`half past seven`, `eight o'clock`."""
    if found["sharp"] is not None:
        return Figure(Kind.TIME, (_WORDS[found["sharp"].lower()] % 24 * 60, True), found.group())
    minutes = 30 if found["part"].lower() == "half" else 15
    sign = 1 if found["side"].lower() == "past" else -1
    return Figure(Kind.TIME, ((_WORDS[found["hour"].lower()] * 60 + sign * minutes) % 1440, True), found.group())


def _plain(kind: str, said: str) -> Iterator[Figure]:
    match kind:
        case "money" | "moneycode":
            yield Figure(Kind.MONEY, _money(said), said)
        case "percent":
            yield Figure(Kind.PERCENT, shortest(_amount(said)), said)
        case "half":
            yield Figure(Kind.PERCENT, "50", said)
        case "time":
            yield Figure(Kind.TIME, clock(said), said)
        case "name":
            yield Figure(Kind.NAME, said.lower(), said)
        case "share":
            yield Figure(Kind.COUNT, int(said.split(maxsplit=1)[0]), said)
        case "number":
            yield Figure(Kind.NUMBER, shortest(said), said)
        case _:
            yield Figure(Kind.DATE, _date(kind, said), said)
            if kind == "iso" and len(said) > 10:
                yield Figure(Kind.TIME, clock(said[11:16]), said)


def _span(found: re.Match[str]) -> Figure:
    unit = _UNITS[found["unit"].lower().rstrip("s")]
    return Figure(Kind.SPAN, size(shortest(found["long"])) * unit, found.group(), unit)


def _places(found: re.Match[str]) -> Iterator[Figure]:
    where = _PLACES[found["where"][:3].lower()]
    for label in _EACH_LABEL.finditer(found["labels"]):
        yield Figure(Kind.PLACE, (where, label.group().lower()), f"{where} {label.group()}")

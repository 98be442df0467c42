"""Which seats of an order are meant: certain numbers, so many of them, the first or the last, any, or all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from usher_inference.understanding import Slots
from usher_inference.understanding.numbers import parse_count
from usher_shared.contracts.tools import SeatOffer

_COUNT = r"(?P<count>one|two|three|four|five|six|seven|eight|nine|ten|\d{1,2}|a couple|a pair|half)"
_SOME = re.compile(
    rf"\b{_COUNT} (?:of (?:the|my|our|them|those|these|us)|(?:\w+ )?(?:tickets?|seats?)\b)|"
    rf"\b(?:just|only) (?:the )?{_COUNT.replace('count', 'only')}\b(?! (?:problem|thing|question))|"
    r"\b(?P<some>some|a few|part) of (?:the|my|our|them|those|these)\b",
    re.IGNORECASE,
)
_BARE_COUNT = re.compile(rf"^\W*(?:just |only )?{_COUNT}(?: please| of (?:them|those))?\W*$", re.IGNORECASE)
_END = re.compile(rf"\b(?:the )?(?P<end>first|last)(?: {_COUNT})?(?: seats?| tickets?| ones?)?\b", re.IGNORECASE)
_ALL = re.compile(r"\b(?:all|both|everything|every (?:one|ticket|seat)|the (?:whole|entire|lot)|each)\b", re.IGNORECASE)
_ANY = re.compile(
    r"\b(?:any|either|whichever|(?:doesn'?t|does not|don'?t) (?:matter|mind|care)|you (?:choose|pick|decide)|no matter|"
    r"no preference|random)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """What was said of the seats; nothing of it says all of them."""

    numbers: tuple[str, ...] = ()
    row: str | None = None
    count: int | None = None  # 0: some of them, not said how many
    end: str = ""  # "first" or "last": the seats at that end of the order
    any_will_do: bool = False
    everything: bool = False


def read_part(text: str, slots: Slots, before: Part | None, *, asked: bool) -> Part | None:
    """The part named in the message, together with what was said before; `asked`: it answers which seats."""
    everything = _ALL.search(text) is not None and not re.search(r"\bnot (?:all|both)\b", text, re.IGNORECASE)
    if asked and everything:
        return Part(everything=True)
    numbers = slots.seat_numbers or tuple(id.rsplit("-", 1)[-1] for id in slots.seat_ids)
    if asked and not numbers:
        numbers = tuple(re.findall(r"\b\d{1,3}\b", text))
    if numbers:
        return Part(numbers=numbers, row=slots.row)
    count = _read_count(text, asked=asked)
    end = _END.search(text) if asked else None
    if end:
        return Part(end=end["end"].lower(), count=_number(end["count"] or "one"))
    any_will_do = asked and _ANY.search(text) is not None
    if any_will_do or (asked and slots.row):
        return Part(any_will_do=any_will_do, row=slots.row, count=count if count is not None else _count_of(before))
    return Part(count=count) if count is not None else before


def _count_of(part: Part | None) -> int | None:
    return part.count if part else None


def _read_count(text: str, *, asked: bool) -> int | None:
    some = _SOME.search(text) or (_BARE_COUNT.match(text) if asked else None)
    if some is None:
        return None
    found = some.groupdict()
    return 0 if found.get("some") else _number(found.get("count") or found.get("only") or "")


def _number(words: str) -> int | None:
    low = words.lower()
    known = {"a couple": 2, "a pair": 2, "half": 0}
    return known.get(low) if low in known else parse_count(low)


def pick(part: Part | None, seats: Sequence[SeatOffer]) -> tuple[SeatOffer, ...] | None:
    """The seats that the words mean; None where they leave it open, or name seats that are not there."""
    if part is None or part.everything:
        return tuple(seats)
    there = [seat for seat in seats if part.row is None or seat.row.upper() == part.row.upper()]
    if part.numbers:
        named = [seat for seat in there if seat.number in part.numbers]
        told_apart = len(named) == len({*part.numbers})
        return tuple(named) if told_apart else None
    if part.row and part.count is None:
        return tuple(there) or None
    if part.count == len(there) or part.count == len(seats):
        return tuple(there)
    if not part.count or part.count > len(there):
        return None
    alike = len({seat.section for seat in there}) == 1 and there[0].general_admission  # places without seats
    if part.end == "first":
        return tuple(there[: part.count])
    return tuple(there[-part.count :]) if part.end == "last" or part.any_will_do or alike else None

"""Whether a figure of a reply has a source, or follows from what has: sums, products, differences, other zones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from usher_agent.guardrails.figures import Figure, Kind, size
from usher_agent.guardrails.grounds import Grounds

_DAY = 1440
_DIFFERENCE = re.compile(
    r"\b(?:differ\w*|more|less|cheaper|dearer|extra|sav\w+|fees?|tax\w*|rest|between|plus|over|under|left|remain\w*|back|"
    r"additional|on top|increase|decrease|upgrade|short|charges?)\b",
    re.IGNORECASE,
)
_QUANTITIES = range(2, 51)
_SEATS = ("ticket", "seat", "place", "spot", "pass", "people", "person", "adult", "guest", "of you", "pair")


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return None


class Witness:
    """Answers for the figures of one reply; those found to be good help the later ones."""

    def __init__(self, grounds: Grounds, base: Grounds, now: datetime) -> None:
        self._grounds = grounds
        self._base = base
        self._now = now
        self._amounts: list[int] = []
        self._quantities: set[int] = set()
        self._seats = 0
        self._differs = False

    def unsupported(self, found: Iterable[Figure], sentence: str) -> list[Figure]:
        """Those of the sentence's figures that have no source, in order."""
        self._differs = _DIFFERENCE.search(sentence) is not None
        told = list(found)
        for figure in told:
            if figure.kind in (Kind.COUNT, Kind.NUMBER) and (number := size(str(figure.value))) in _QUANTITIES:
                self._quantities.add(int(number))
        self._seats += sum(f.kind is Kind.PLACE and f.value[0] == "seat" for f in told)
        waiting = [figure for figure in told if not self._holds(figure)]
        if waiting and self._grounds.read_texts():
            waiting = [figure for figure in waiting if not self._holds(figure)]
        # twice: an amount may be the sum of what is named after it
        waiting = [figure for figure in waiting if not self._follows(figure)]
        return [figure for figure in waiting if not self._follows(figure)]

    def _holds(self, figure: Figure) -> bool:
        good = self._is_known(figure)
        if good and figure.kind is Kind.MONEY:
            self._amounts.append(figure.value)
        return good

    def _is_known(self, figure: Figure) -> bool:
        g, value = self._grounds, figure.value
        match figure.kind:
            case Kind.MONEY:
                return value in g.money or value == 0 or g.says(figure.said)
            case Kind.PLACE:
                return value in g.places or g.says(figure.said) or (value[0] == "seat" and g.says(value[1].upper()))
            case Kind.NAME:
                return g.says(figure.said) or g.says(figure.said.upper()) or g.says(figure.said.lower())
            case Kind.COUNT:
                return self._is_count(figure)
            case Kind.SPAN:
                return value in g.spans or value in self._base.spans or g.says(figure.said)
            case Kind.NUMBER:
                return value in g.numbers or int(size(value)) in g.counts or g.says(figure.said) or value in ("0", "1")
            case Kind.PERCENT:
                return value in g.percents or g.says(figure.said)
            case Kind.TIME:
                return self._is_time(value) or g.says(figure.said)
            case Kind.DATE:
                return self._is_date(value)

    def _is_count(self, figure: Figure) -> bool:
        value, g = figure.value, self._grounds
        if value in g.counts or value in self._base.counts or value <= 1 or value == self._seats:
            return True
        if not any(word in figure.said.lower() for word in _SEATS):
            return bool(value <= g.longest_list)
        return g.says(figure.said)

    def _zones(self) -> Iterator[tzinfo | None]:
        yield None
        yield self._now.tzinfo
        for name in self._grounds.zones:
            yield _zone(name)

    def _minutes(self, *, now: bool) -> Iterator[int]:
        for moment in (*self._grounds.instants, self._now) if now else self._grounds.instants:
            for zone in self._zones():
                local = moment.astimezone(zone) if zone is not None else moment
                yield local.hour * 60 + local.minute

    def _is_time(self, value: tuple[int, bool], *, shifted: int = 0) -> bool:
        minute, either = value
        wanted = {(minute + shifted) % _DAY} | ({(minute + shifted + 720) % _DAY} if either else set())
        for known, twice in self._grounds.times:
            if known % _DAY in wanted or (twice and (known + 720) % _DAY in wanted):
                return True
        return not wanted.isdisjoint(self._minutes(now=not shifted))

    def _is_date(self, value: tuple[int | None, int | None, int]) -> bool:
        year, month, day = value
        for known_year, known_month, known_day in self._dates():
            if day != known_day and not (month == known_day and day == known_month):
                continue
            same_month = month is None or known_month is None or {month, day} == {known_month, known_day}
            if (same_month or month == known_month) and (year is None or known_year is None or year == known_year):
                return True
        return False

    def _dates(self) -> Iterator[tuple[int | None, int | None, int]]:
        yield from self._grounds.dates
        for moment in (*self._grounds.instants, self._now, self._now + timedelta(days=1)):
            for zone in self._zones():
                local = moment.astimezone(zone) if zone is not None else moment
                yield local.year, local.month, local.day

    def _follows(self, figure: Figure) -> bool:
        match figure.kind:
            case Kind.MONEY:
                good = self._is_reckoned(figure.value)
                if good:
                    self._amounts.append(figure.value)
                return good
            case Kind.SPAN:
                return self._is_remaining(figure)
            case Kind.TIME:
                spans = (int(span // 60) for span in self._grounds.spans if 0 < span <= 86_400)
                return any(self._is_time(figure.value, shifted=sign * span) for span in spans for sign in (1, -1))
            case _:
                return False

    def _is_reckoned(self, amount: int) -> bool:
        money, quantities = self._grounds.money, {2} | self._grounds.wanted | self._quantities
        if amount in money:
            return True
        if any(amount % q == 0 and amount // q in money for q in quantities):
            return True
        if any(self._is_share(amount, q) for q in quantities):
            return True
        mentioned = self._amounts[:8]
        if self._differs and any(amount + one in money or abs(amount - one) in money for one in mentioned):
            return True
        multiples = {one * q for one in mentioned for q in range(1, 9)}
        if any(amount - one in multiples for one in multiples) or amount == sum(mentioned):
            return True
        return amount in self._grounds.windows()

    def _is_share(self, amount: int, q: int) -> bool:
        """Whether a q-th of some amount, rounded to hundredths, is this."""
        whole = amount * q
        return any(whole + 10 * step in self._grounds.totals for step in range(-(q // 2), q // 2 + 1))

    def _is_remaining(self, figure: Figure) -> bool:
        """How long it is to a known instant, rounded either way; hours and days of the same length."""
        value, unit = figure.value, figure.unit
        for moment in self._grounds.instants:
            left = (moment - self._now).total_seconds()
            if left > 0 and abs(left - value) <= unit:
                return True
        return False

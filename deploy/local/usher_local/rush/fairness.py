"""How evenly a rush treated those who came: waits, their spread, and who was served before whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from usher_local.rush.crowd import Visit


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies (nearest rank); 0 for none."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def jain(values: Sequence[float]) -> float:
    """Jain's index: 1 when all are equal, 1/n when one has everything.

    Source: Jain, Chiu, Hawe, "A quantitative measure of fairness", DEC TR-301, 1984.
    """
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def disorder(first: Sequence[float], then: Sequence[float]) -> float:
    """The share of pairs whose order in `first` is the other way round in `then`: 0 in order, 0.5 by lot."""
    pairs = swapped = 0
    for i in range(len(first)):
        for j in range(i):
            pairs += 1
            swapped += (first[i] - first[j]) * (then[i] - then[j]) < 0
    return swapped / pairs if pairs else 0.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from a customer's first request to the last answer."""

    count: int
    p5: float
    p50: float
    p95: float
    longest: float

    @staticmethod
    def of(visits: Sequence[Visit]) -> Waits:
        waits = [visit.waited for visit in visits]
        p5, p50, p95 = (percentile(waits, share) for share in (0.05, 0.5, 0.95))
        return Waits(len(waits), p5, p50, p95, max(waits, default=0.0))


@dataclass(frozen=True, slots=True)
class Fairness:
    """`overtaken`: share of pairs of winners in which who came later was served earlier (Kendall's distance);
    `passed_over`: share of pairs of a winner and a loser in which the loser had come first."""

    winners: Waits
    losers: Waits
    jain: float
    overtaken: float
    passed_over: float

    @staticmethod
    def of(visits: Sequence[Visit]) -> Fairness:
        winners = [visit for visit in visits if visit.order is not None]
        losers = [visit for visit in visits if visit.order is None]
        passed = sum(loser.arrived < winner.arrived for winner in winners for loser in losers)
        return Fairness(
            Waits.of(winners),
            Waits.of(losers),
            jain([visit.waited for visit in winners]),
            disorder([visit.arrived for visit in winners], [visit.left for visit in winners]),
            passed / (len(winners) * len(losers)) if winners and losers else 0.0,
        )

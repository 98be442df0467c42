"""Ordering what was found by words, and deciding what is too far from the question to be an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# of 1: below it a passage shares too little of what the question is about. Chosen on the tuning half of the questions
# that `usher measure knowledge` scores; docs/guides/knowledge.md has the figures.
FLOOR = 0.45
_NEIGHBOUR = 0.95  # of the weight, where a passage has another word for the same thing
_LIGHT = 0.3  # of the weight of a word that tells little
_WORDS = 0.7  # of the score; the rest is BM25's, relative to the best
_RRF = 60  # Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet"


@dataclass(frozen=True, slots=True)
class Having:
    """The rows that have a word of the question, and those that have it or a neighbour."""

    own: frozenset[int]
    any: frozenset[int]
    light: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row with its BM25 and its share of the question's weight. Rare words weigh more, as in BM25."""

    row: int
    bm25: float
    share: float

    @classmethod
    def of(cls, row: int, bm25: float, having: Sequence[Having], total: int) -> Candidate:
        got = weight = 0.0
        for one in having:
            here = _weight(len(one.any), total) * (_LIGHT if one.light else 1.0)
            weight += here
            if row in one.own:
                got += here
            elif row in one.any:
                got += here * _NEIGHBOUR
        return cls(row, bm25, got / weight if weight else 0.0)


def _weight(rows: int, total: int) -> float:
    rows = max(rows, 1)  # a word that no passage has weighs as much as one that a single passage has
    return math.log(1 + (total - rows + 0.5) / (rows + 0.5))


def rank(candidates: Sequence[Candidate], floor: float) -> list[tuple[int, float]]:
    """(row, score of 0 to 1), the best first, without those whose share lies below the floor."""
    best = max((one.bm25 for one in candidates), default=0.0)
    scored = [
        (one.row, _WORDS * one.share + (1 - _WORDS) * (one.bm25 / best if best > 0 else 0.0))
        for one in candidates
        if one.share >= floor
    ]
    return sorted(((row, round(min(score, 1.0), 4)) for row, score in scored), key=lambda one: (-one[1], one[0]))


def fuse(lexical: Sequence[tuple[int, float]], near: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Both rankings as one, by reciprocal ranks; the score is the higher of the two."""
    points: dict[int, float] = {}
    scores: dict[int, float] = {}
    for ranking in (lexical, near):
        for place, (row, score) in enumerate(ranking, 1):
            points[row] = points.get(row, 0.0) + 1 / (_RRF + place)
            scores[row] = max(scores.get(row, 0.0), min(round(score, 4), 1.0))
    return [(row, scores[row]) for row in sorted(points, key=lambda row: (-points[row], row))]

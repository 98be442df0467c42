"""Judging where parties were seated: side by side, and without leaving single seats that could be avoided.

A single is a free ordinary seat between two that are taken (or the row's end). It is laid at the door of the hold
that left it: at that moment the seats beside it were taken, and this one was not. While the section has whole rows free
it could always have been avoided. Wheelchair places and the seats beside them are no singles: they are kept for
whoever comes in a wheelchair, and for the companion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from usher_local.rush.plan import SECTION, Plan


def _place(seat_id: str) -> tuple[str, int]:
    _, row, number = seat_id.split("-")
    return row, int(number)


def sits_together(seat_ids: Sequence[str]) -> bool:
    """Whether the seats are neighbours of one row."""
    places = sorted(map(_place, seat_ids), key=lambda place: place[1])
    numbers = [number for _, number in places]
    return len({row for row, _ in places}) == 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@dataclass(slots=True)
class _Row:
    """One row of the hall as time goes by: by seat number, who took it and when it was or will be let go."""

    length: int
    accessible: frozenset[int]
    until: dict[int, str] = field(default_factory=dict)

    def is_taken(self, number: int, now: str) -> bool:
        outside = not 1 <= number <= self.length
        return outside or self.until.get(number, "") > now

    def is_kept(self, number: int) -> bool:
        """Whether it is a wheelchair place or a companion's."""
        return not self.accessible.isdisjoint((number - 1, number, number + 1))


def _rows(plan: Plan) -> Mapping[str, _Row]:
    (hall,) = plan.catalogue().venues[-1].sections
    return {
        name: _Row(len(entry.numbers()), frozenset(map(int, entry.accessible)))
        for entry in hall.rows
        for name in entry.row_names()
    }


def find_orphans(plan: Plan, holds: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Singles left for good by those who bought, told by the hold that left them.

    `holds` as stored. A seat that was single only until somebody let go of its neighbour is none.
    """
    rows, left = _rows(plan), defaultdict[tuple[str, int], str](str)
    ends = {
        place: "9" if hold["status"] == "sold" else hold["expires_at"]
        for hold in sorted(holds, key=lambda hold: str(hold["created_at"]))
        for place in map(_place, hold["seat_ids"])
    }
    for hold in sorted(holds, key=lambda hold: str(hold["created_at"])):
        now = str(hold["created_at"])
        end = "9" if hold["status"] == "sold" else str(hold["expires_at"])
        for row, number in map(_place, hold["seat_ids"]):
            rows[row].until[number] = end
        if hold["status"] != "sold":
            continue
        for row, number in {(r, n + step) for r, n in map(_place, hold["seat_ids"]) for step in (-1, 1)}:
            beside = rows[row].is_taken(number - 1, now) and rows[row].is_taken(number + 1, now)
            if beside and not rows[row].is_taken(number, now) and not rows[row].is_kept(number):
                left[row, number] = f"{hold['customer_id']} left {SECTION}-{row}-{number}"
    for (row, number), who in left.items():
        neighbours = (number - 1, number + 1)
        stays = all(rows[row].is_taken(n, "8") for n in neighbours)
        if stays and ends.get((row, number)) != "9":
            yield who

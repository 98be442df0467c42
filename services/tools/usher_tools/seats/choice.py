"""Best available: which free seats to offer a party.

In order: all side by side in one row; no single seat left over between them and what is taken; the best section;
nearest the front and the row's focal seat. Seats for wheelchair users go to those who ask, and to others only when
nothing else is left. A party that fits in no row is split into even groups, near one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from usher_tools.seats.layout import Row, Seat

_DEPTH_COST = 2.0  # one row further back weighs as much as two seats further from the focal seat


@dataclass(slots=True)
class OpenRow:
    """A row and which of its positions are free and wanted."""

    row: Row
    rank: int
    free: list[bool]

    @property
    def base(self) -> tuple[int, float]:
        return self.rank, self.row.depth * _DEPTH_COST


@dataclass(frozen=True, slots=True)
class Group:
    """Adjacent seats of one row: positions from `start`."""

    open_row: OpenRow
    start: int
    size: int

    def seats(self) -> list[Seat]:
        return list(self.open_row.row.seats[self.start : self.start + self.size])

    def take(self) -> None:
        self.open_row.free[self.start : self.start + self.size] = [False] * self.size

    def give_back(self) -> None:
        self.open_row.free[self.start : self.start + self.size] = [True] * self.size


@dataclass(frozen=True, slots=True)
class Choice:
    """Seats best first. `groups` counts the places where the party sits; `accessible_used` says that wheelchair
    places were needed though nobody asked."""

    seats: list[Seat]
    groups: int
    accessible_used: bool = False


def _runs(free: Sequence[bool]) -> Iterable[tuple[int, int]]:
    """The stretches of free positions as (start, end), end excluded."""
    start = None
    for position, is_free in enumerate(free):
        if is_free and start is None:
            start = position
        elif not is_free and start is not None:
            yield start, position
            start = None
    if start is not None:
        yield start, len(free)


_Key = tuple[int, int, int, float]


def _best_in_row(open_row: OpenRow, size: int, *, accessible: bool) -> tuple[_Key, Group] | None:
    """The best place for `size` in the row with its key (missing wheelchair places, singles left, rank, cost)."""
    row = open_row.row
    rank, depth_cost = open_row.base
    best: tuple[_Key, Group] | None = None
    for start, end in _runs(open_row.free):
        for first in range(start, end - size + 1):
            singles = (first - start == 1) + (end - first - size == 1)
            cost = depth_cost + abs(first + (size - 1) / 2 - row.focal)
            missing = 0
            if accessible:
                wheelchair = sum(position in row.accessible for position in range(first, first + size))
                if wheelchair == 0:
                    continue
                missing = size - wheelchair
            key = (missing, singles, rank, cost)
            if best is None or key < best[0]:
                best = key, Group(open_row, first, size)
    return best


def _best_group(rows: Sequence[OpenRow], size: int, *, accessible: bool) -> Group | None:
    """`rows` are in the order of their `base`, which bounds from below what they can offer."""
    best: tuple[_Key, Group] | None = None
    for open_row in rows:
        if best is not None and (0, 0, *open_row.base) > best[0]:
            break
        found = _best_in_row(open_row, size, accessible=accessible)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    return None if best is None else best[1]


def _place(rows: Sequence[OpenRow], sizes: Sequence[int]) -> list[Group] | None:
    placed: list[Group] = []
    for size in sizes:
        group = _best_group(rows, size, accessible=False)
        if group is None:
            for earlier in placed:
                earlier.give_back()
            return None
        group.take()
        placed.append(group)
    return placed


def _even(quantity: int, parts: int) -> list[int]:
    small, more = divmod(quantity, parts)
    return [small + 1] * more + [small] * (parts - more)


def _split(rows: Sequence[OpenRow], quantity: int) -> list[Group]:
    """The party in as few and as even groups as possible, of one section where possible."""
    by_section: dict[str, list[OpenRow]] = {}
    for open_row in rows:
        by_section.setdefault(open_row.row.section, []).append(open_row)
    for parts in range(2, quantity // 2 + 1):
        for candidates in (*by_section.values(), rows):
            placed = _place(candidates, _even(quantity, parts))
            if placed is not None:
                return placed
    placed, left = [], quantity
    while left:
        longest = max((end - start for r in rows for start, end in _runs(r.free)), default=0)
        if longest == 0:
            break
        group = _best_group(rows, min(left, longest), accessible=False)
        if group is None:
            break
        group.take()
        placed.append(group)
        left -= group.size
    return placed


def _masked(rows: Sequence[OpenRow], *, keep_accessible: bool) -> list[OpenRow]:
    """Copies in order of preference; without the wheelchair places unless they are kept."""
    copies = [
        OpenRow(
            r.row,
            r.rank,
            [free and (keep_accessible or position not in r.row.accessible) for position, free in enumerate(r.free)]
            if r.row.accessible
            else list(r.free),
        )
        for r in rows
    ]
    return sorted(copies, key=lambda r: r.base)


def choose_seats(rows: Sequence[OpenRow], quantity: int, *, accessible: bool = False) -> Choice:
    """At most `quantity` seats; fewer when no more are free, none when nothing is."""
    if accessible:
        group = _best_group(_masked(rows, keep_accessible=True), quantity, accessible=True)
        if group is not None:
            return Choice(group.seats(), 1)
        singles = [
            seat
            for r in _masked(rows, keep_accessible=True)
            for seat in r.row.seats
            if seat.accessible and r.free[seat.position]
        ][:quantity]
        return Choice(singles, len({(seat.section, seat.row) for seat in singles}))
    ordinary = _masked(rows, keep_accessible=False)
    group = _best_group(ordinary, quantity, accessible=False)
    if group is not None:
        return Choice(group.seats(), 1)
    if sum(sum(r.free) for r in ordinary) >= quantity:
        groups = _split(ordinary, quantity)
        return Choice([seat for g in groups for seat in g.seats()], len(groups))
    everything = _masked(rows, keep_accessible=True)
    group = _best_group(everything, quantity, accessible=False)
    groups = [group] if group is not None else _split(everything, quantity)
    seats = [seat for g in groups for seat in g.seats()]
    return Choice(seats, len(groups), accessible_used=any(seat.accessible for seat in seats))

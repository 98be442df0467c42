"""Best available: which free seats to offer a party.

In order: all side by side in one row; no orphan; the best section; the seats beside wheelchair places last; nearest
the front and the row's focal seat. An orphan is a free seat that the party would leave with nobody free on either
side; one beside a free wheelchair place is none, for it is the companion's. Seats for wheelchair users go to those
who ask, and to others only when nothing else is left. A party that fits in no row is split into as few groups as
there can be, as even as there is room, near one another and none of a single person where that can be helped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from usher_tools.seats.layout import Row, Seat

_DEPTH_COST = 2.0  # one row further back weighs as much as two seats further from the focal seat


@dataclass(slots=True)
class OpenRow:
    """A row and which of its positions are free and wanted."""

    row: Row
    rank: int
    free: list[bool]
    companions: frozenset[int] = frozenset()  # free seats beside a free wheelchair place

    @property
    def base(self) -> tuple[int, float]:
        return self.rank, self.row.depth * _DEPTH_COST


@dataclass(frozen=True, slots=True)
class Group:
    """Adjacent seats of one row: positions from `start`."""

    open_row: OpenRow
    start: int
    size: int
    flawless: bool = False  # no orphan, and a wheelchair place for each who asked

    @property
    def centre(self) -> float:
        return self.start + (self.size - 1) / 2

    def seats(self) -> list[Seat]:
        return list(self.open_row.row.seats[self.start : self.start + self.size])

    def take(self) -> None:
        self.open_row.free[self.start : self.start + self.size] = [False] * self.size


@dataclass(frozen=True, slots=True)
class Choice:
    """Seats best first. `groups` counts the places where the party sits; `accessible_used` says that wheelchair
    places were needed though nobody asked. `flawless`: no section of a worse rank can have anything better."""

    seats: list[Seat]
    groups: int
    accessible_used: bool = False
    flawless: bool = False


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


# wheelchair places fewer than the party, orphans, rank of the section, companions' seats used, distance
_Key = tuple[int, int, int, int, float]


@dataclass(frozen=True, slots=True)
class _Wish:
    """`near`: where the rest of the party sits."""

    size: int
    accessible: bool = False
    near: Group | None = None


def _best_in_row(open_row: OpenRow, wish: _Wish) -> tuple[_Key, Group] | None:
    row, size, companions = open_row.row, wish.size, open_row.companions
    rank, depth_cost = open_row.base
    focal = row.focal
    if wish.near is not None:
        depth_cost = abs(row.depth - wish.near.open_row.row.depth) * _DEPTH_COST
        focal = wish.near.centre
    best: tuple[_Key, Group] | None = None
    for start, end in _runs(open_row.free):
        for first in range(start, end - size + 1):
            last = first + size - 1
            orphans = (first - start == 1 and start not in companions) + (
                end - last == 2 and last + 1 not in companions
            )
            missing = 0
            if wish.accessible:
                missing = size - sum(position in row.accessible for position in range(first, last + 1))
                if missing == size:
                    continue
            beside = sum(position in companions for position in range(first, last + 1)) if companions else 0
            key = (missing, orphans, rank, beside, depth_cost + abs((first + last) / 2 - focal))
            if best is None or key < best[0]:
                best = key, Group(open_row, first, size, flawless=missing == orphans == 0)
    return best


def _best_group(rows: Sequence[OpenRow], wish: _Wish) -> Group | None:
    """`rows` are in the order of their `base`, which bounds from below what they can offer."""
    best: tuple[_Key, Group] | None = None
    for open_row in rows:
        rank, depth_cost = open_row.base
        bound = (0, 0, rank, 0, depth_cost if wish.near is None else 0.0)
        if best is not None and bound > best[0]:
            break
        found = _best_in_row(open_row, wish)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    return None if best is None else best[1]


def _sizes(quantity: int, lengths: Sequence[int]) -> list[int]:
    """The party in one group for each of those stretches, longest first, as even as their lengths allow."""
    sizes: list[int] = []
    for place, length in enumerate(sorted(lengths)):
        share = quantity // (len(lengths) - place)
        sizes.append(min(length, share))
        quantity -= sizes[-1]
    return sizes[::-1]


def _place(rows: Sequence[OpenRow], sizes: Iterable[int], near: Group | None = None) -> list[Group]:
    """A group of each size, near that one or else near the first of them."""
    placed: list[Group] = []
    for size in sizes:
        group = _best_group(rows, _Wish(size, near=near))
        if group is not None:
            group.take()
            placed.append(group)
            near = near or group
    return placed


def _split(rows: Sequence[OpenRow], quantity: int) -> list[Group]:
    """The party in as few groups as can be, of one section where possible."""
    by_section: dict[str, list[OpenRow]] = {}
    for open_row in rows:
        by_section.setdefault(open_row.row.section, []).append(open_row)
    choices = [*by_section.values(), rows] if len(by_section) > 1 else [rows]
    stretches = [_longest(candidates, quantity) for candidates in choices]
    for parts in range(2, quantity // 2 + 1):
        for candidates, lengths in zip(choices, stretches, strict=True):
            if sum(lengths[:parts]) >= quantity:
                sizes = _sizes(quantity, lengths[:parts])
                if len(sizes) == parts and min(sizes) >= 2:
                    return _place(candidates, sizes)
    return _place(rows, _first_of(stretches[-1], quantity))


def _longest(rows: Iterable[OpenRow], count: int) -> list[int]:
    """The lengths of the longest free stretches, so many at most."""
    return sorted((end - start for r in rows for start, end in _runs(r.free)), reverse=True)[:count]


def _masked(rows: Sequence[OpenRow], *, keep_accessible: bool) -> list[OpenRow]:
    """Copies in order of preference; without the wheelchair places unless they are kept."""
    return sorted((_copy(r, keep_accessible=keep_accessible) for r in rows), key=lambda r: r.base)


def _copy(open_row: OpenRow, *, keep_accessible: bool) -> OpenRow:
    row, free = open_row.row, open_row.free
    kept = [] if keep_accessible else [p for p in row.accessible if free[p]]
    if not kept:
        return OpenRow(row, open_row.rank, list(free))
    ordinary = list(free)
    for position in kept:
        ordinary[position] = False
    beside = {p for position in kept for p in (position - 1, position + 1)}
    companions = frozenset(p for p in beside if 0 <= p < len(free) and ordinary[p])
    return OpenRow(row, open_row.rank, ordinary, companions)


def _choose_accessible(rows: Sequence[OpenRow], quantity: int) -> Choice:
    """A wheelchair place at least and as many of the party beside it as can be; the rest near, on ordinary seats."""
    open_rows = _masked(rows, keep_accessible=True)
    groups = (_best_group(open_rows, _Wish(size, accessible=True)) for size in range(quantity, 0, -1))
    first = next((group for group in groups if group is not None), None)
    if first is None:
        return Choice([], 0)
    first.take()
    ordinary, left = _masked(open_rows, keep_accessible=False), quantity - first.size
    section = [r for r in ordinary if r.row.section == first.open_row.row.section]
    near = section if sum(sum(r.free) for r in section) >= left else ordinary
    placed = _place(near, _first_of(_longest(near, left), left), near=first)
    return replace(_choice([first, *placed]), accessible_used=False)


def _first_of(lengths: Iterable[int], quantity: int) -> Iterable[int]:
    """Groups of those lengths until the party is seated."""
    for length in lengths:
        if not quantity:
            return
        yield min(length, quantity)
        quantity -= min(length, quantity)


def choose_seats(rows: Sequence[OpenRow], quantity: int, *, accessible: bool = False) -> Choice:
    """At most `quantity` seats; fewer when no more are free, none when nothing is."""
    if accessible:
        return _choose_accessible(rows, quantity)
    ordinary = _masked(rows, keep_accessible=False)
    group = _best_group(ordinary, _Wish(quantity))
    if group is not None:
        return Choice(group.seats(), 1, flawless=group.flawless)
    if sum(sum(r.free) for r in ordinary) >= quantity:
        return _choice(_split(ordinary, quantity))
    everything = _masked(rows, keep_accessible=True)
    group = _best_group(everything, _Wish(quantity))
    return _choice([group] if group is not None else _split(everything, quantity))


def _choice(groups: Sequence[Group]) -> Choice:
    """Groups that came to lie beside one another count as one."""
    seats = [seat for group in groups for seat in group.seats()]
    places = sorted((seat.section, seat.row, seat.position) for seat in seats)
    breaks = sum((*a[:2], a[2] + 1) != b for a, b in pairwise(places))
    return Choice(seats, breaks + bool(seats), accessible_used=any(seat.accessible for seat in seats))

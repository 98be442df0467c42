"""A venue's layout: sections, rows and seats, without any event's state.

Layouts are immutable and named by the hash of their content (collection `seat_layouts`), so that a parsed one may
be kept for ever and events of one venue share it.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import UpstreamFailed
from usher_tools.seats.shards import GENERAL_ROW, shard_bounds

RowKey = tuple[str, str]


def row_key(section: str, name: str, shard: int | None) -> RowKey:
    """By section and name; the shards of general admission share a name."""
    return section, name if shard is None else f"{name}.{shard}"


@dataclass(frozen=True, slots=True)
class Seat:
    """`id` is `<section>-<row>-<number>`; `position` counts from 0 along the row.

    A place of general admission is a seat too: its row is `GA`, its number runs through the section, and `shard`
    says which document has it.
    """

    id: str
    section: str
    row: str
    number: str
    position: int
    accessible: bool
    shard: int | None = None

    @property
    def general_admission(self) -> bool:
        return self.shard is not None

    @property
    def key(self) -> RowKey:
        """Of its row in the layout and in `seat_rows`."""
        return row_key(self.section, self.row, self.shard)


@dataclass(frozen=True)
class Row:
    """Seats in the order in which they stand. `depth` counts rows from the section's first; `focal` is the
    position with the best view. With `shard`, places of a general-admission section (`shards`)."""

    section: str
    name: str
    depth: int
    numbers: tuple[str, ...]
    accessible: frozenset[int]
    focal: float
    shard: int | None = None

    @property
    def key(self) -> RowKey:
        return row_key(self.section, self.name, self.shard)

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        return tuple(
            Seat(f"{self.section}-{self.name}-{n}", self.section, self.name, n, i, i in self.accessible, self.shard)
            for i, n in enumerate(self.numbers)
        )

    @cached_property
    def positions(self) -> dict[str, int]:
        return {n: i for i, n in enumerate(self.numbers)}


@dataclass(frozen=True)
class Section:
    """`rank` 1 is the best section of the venue."""

    id: str
    name: str
    rank: int
    rows: tuple[Row, ...]

    @property
    def general_admission(self) -> bool:
        return self.rows[0].shard is not None


def general_section(id: str, name: str, rank: int, capacity: int, accessible: int) -> Section:
    """A section of places without seats, the first of them kept for wheelchair users."""
    bounds = shard_bounds(capacity)
    rows = (
        Row(
            id,
            GENERAL_ROW,
            0,
            tuple(str(number) for number in range(first + 1, end + 1)),
            frozenset(range(min(end, accessible) - first)),
            0.0,
            shard,
        )
        for shard, (first, end) in enumerate(pairwise(bounds))
    )
    return Section(id, name, rank, tuple(rows))


@dataclass(frozen=True, eq=False)
class Layout:
    """Compared and hashed by identity, which is cheap: `Layouts` hands out one object per id."""

    id: str
    sections: tuple[Section, ...]

    @cached_property
    def rows(self) -> dict[RowKey, Row]:
        return {row.key: row for section in self.sections for row in section.rows}

    @cached_property
    def _last_places(self) -> dict[str, list[int]]:
        """By general-admission section the last number of each shard."""
        return {s.id: [int(row.numbers[-1]) for row in s.rows] for s in self.sections if s.general_admission}

    def find(self, seat_id: str) -> Seat | None:
        section, _, rest = seat_id.partition("-")
        name, _, number = rest.partition("-")
        last_places = self._last_places.get(section)
        shard = None
        if last_places is not None:
            if not (number.isdecimal() and len(number) < 8):
                return None
            shard = bisect_left(last_places, int(number))
        row = self.rows.get(row_key(section, name, shard))
        position = None if row is None else row.positions.get(number)
        return None if row is None or position is None else row.seats[position]


def _section_data(section: Section) -> dict[str, Any]:
    data: dict[str, Any] = {"id": section.id, "name": section.name, "rank": section.rank}
    if section.general_admission:
        capacity = sum(len(row.numbers) for row in section.rows)
        return {**data, "capacity": capacity, "accessible": sum(len(row.accessible) for row in section.rows)}
    data["rows"] = [
        {"name": r.name, "numbers": list(r.numbers), "accessible": sorted(r.accessible), "focal": r.focal}
        for r in section.rows
    ]
    return data


def layout_document(sections: Iterable[Section]) -> tuple[str, dict[str, Any]]:
    """The id and the document of a layout."""
    data = {"sections": [_section_data(section) for section in sections]}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32], data


def _parse_section(data: Mapping[str, Any]) -> Section:
    id, name, rank = data["id"], data["name"], data["rank"]
    if "capacity" in data:
        return general_section(id, name, rank, data["capacity"], data["accessible"])
    rows = (
        Row(id, r["name"], depth, tuple(r["numbers"]), frozenset(r["accessible"]), r["focal"])
        for depth, r in enumerate(data["rows"])
    )
    return Section(id, name, rank, tuple(rows))


def parse_layout(id: str, data: Mapping[str, Any]) -> Layout:
    return Layout(id, tuple(_parse_section(section) for section in data["sections"]))


class Layouts:
    """Parsed layouts by id, most recently used kept.

    A burst on a cold process reads a layout several times but parses it once. The reads are not shared: they are
    parts of transactions, and one that waited for another's read could wait for ever.
    """

    def __init__(self, *, keep: int = 64) -> None:
        self._kept: OrderedDict[str, Layout] = OrderedDict()
        self._keep = keep

    async def get(self, source: DocumentStore | Transaction, id: str) -> Layout:
        """Raises UpstreamFailed if the store has lost the layout."""
        if id not in self._kept:
            data = await source.get("seat_layouts", id)
            if data is None:
                raise UpstreamFailed(f"layout {id} is not in the store", code="layout_missing")
            if id not in self._kept:  # another may have parsed it while this read was under way
                self._kept[id] = parse_layout(id, data)
        layout = self._kept[id]
        self._kept.move_to_end(id)
        while len(self._kept) > self._keep:
            self._kept.popitem(last=False)
        return layout


def parse_block(text: str) -> tuple[str, str | None, str | None, str | None]:
    """`A`, `A-5`, `A-5-12` or `A-5-12..18` as (section, row, first number, last number). Raises ValueError."""
    parts = text.split("-")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f"{text!r} names no section, row or seats")
    if len(parts) < 3:
        return parts[0], parts[1] if len(parts) == 2 else None, None, None
    first, dots, last = parts[2].partition("..")
    if dots and not (first and last):
        raise ValueError(f"{text!r} is an open range")
    return parts[0], parts[1], first, last or first


def _span(row: Row, first: str, last: str) -> range:
    """The positions of the row in the range; of a shard those that it has of it."""
    if row.shard is not None and first.isdecimal() and last.isdecimal():
        start = int(row.numbers[0])
        return range(max(int(first) - start, 0), min(int(last) - start + 1, len(row.numbers)))
    if first not in row.positions or last not in row.positions:
        return range(0)
    return range(row.positions[first], row.positions[last] + 1)


def blocked_seats(layout: Layout, blocks: Sequence[str]) -> dict[RowKey, frozenset[int]]:
    """The positions off sale, by row. Raises ValueError for what is not in the layout."""
    found: dict[RowKey, set[int]] = {}
    for text in blocks:
        section, name, first, last = parse_block(text)
        rows = [row for row in layout.rows.values() if row.section == section and name in (None, row.name)]
        if not rows:
            raise ValueError(f"{text!r} is not in the layout")
        if first is not None and last is not None:
            if any(layout.find(f"{section}-{name}-{number}") is None for number in (first, last)):
                raise ValueError(f"{text!r} is not in the layout")
            spans = {row.key: _span(row, first, last) for row in rows}
        else:
            spans = {row.key: range(len(row.numbers)) for row in rows}
        for key, span in spans.items():
            if span:
                found.setdefault(key, set()).update(span)
    return {key: frozenset(positions) for key, positions in found.items()}

"""A venue's layout: sections, rows and seats, without any event's state.

Layouts are immutable and named by the hash of their content (collection `seat_layouts`), so that a parsed one may
be kept for ever and events of one venue share it.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import UpstreamFailed


@dataclass(frozen=True, slots=True)
class Seat:
    """`id` is `<section>-<row>-<number>`; `position` counts from 0 along the row."""

    id: str
    section: str
    row: str
    number: str
    position: int
    accessible: bool


@dataclass(frozen=True)
class Row:
    """Seats in the order in which they stand. `depth` counts rows from the section's first; `focal` is the
    position with the best view."""

    section: str
    name: str
    depth: int
    numbers: tuple[str, ...]
    accessible: frozenset[int]
    focal: float

    @cached_property
    def seats(self) -> tuple[Seat, ...]:
        return tuple(
            Seat(f"{self.section}-{self.name}-{n}", self.section, self.name, n, i, i in self.accessible)
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


@dataclass(frozen=True, eq=False)
class Layout:
    """Compared and hashed by identity, which is cheap: `Layouts` hands out one object per id."""

    id: str
    sections: tuple[Section, ...]

    @cached_property
    def rows(self) -> dict[tuple[str, str], Row]:
        return {(row.section, row.name): row for section in self.sections for row in section.rows}

    def find(self, seat_id: str) -> Seat | None:
        section, _, rest = seat_id.partition("-")
        name, _, number = rest.partition("-")
        row = self.rows.get((section, name))
        position = None if row is None else row.positions.get(number)
        return None if row is None or position is None else row.seats[position]


def layout_document(sections: Iterable[Section]) -> tuple[str, dict[str, Any]]:
    """The id and the document of a layout."""
    data = {
        "sections": [
            {
                "id": s.id,
                "name": s.name,
                "rank": s.rank,
                "rows": [
                    {"name": r.name, "numbers": list(r.numbers), "accessible": sorted(r.accessible), "focal": r.focal}
                    for r in s.rows
                ],
            }
            for s in sections
        ]
    }
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32], data


def parse_layout(id: str, data: Mapping[str, Any]) -> Layout:
    return Layout(
        id,
        tuple(
            Section(
                s["id"],
                s["name"],
                s["rank"],
                tuple(
                    Row(s["id"], r["name"], depth, tuple(r["numbers"]), frozenset(r["accessible"]), r["focal"])
                    for depth, r in enumerate(s["rows"])
                ),
            )
            for s in data["sections"]
        ),
    )


class Layouts:
    """Parsed layouts by id, most recently used kept."""

    def __init__(self, *, keep: int = 64) -> None:
        self._kept: OrderedDict[str, Layout] = OrderedDict()
        self._keep = keep

    async def get(self, source: DocumentStore | Transaction, id: str) -> Layout:
        """Raises UpstreamFailed if the store has lost the layout."""
        layout = self._kept.get(id)
        if layout is None:
            data = await source.get("seat_layouts", id)
            if data is None:
                raise UpstreamFailed(f"layout {id} is not in the store", code="layout_missing")
            layout = self._kept[id] = parse_layout(id, data)
            if len(self._kept) > self._keep:
                self._kept.popitem(last=False)
        self._kept.move_to_end(id)
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


def blocked_seats(layout: Layout, blocks: Sequence[str]) -> dict[tuple[str, str], frozenset[int]]:
    """The positions off sale, by (section, row). Raises ValueError for what is not in the layout."""
    found: dict[tuple[str, str], set[int]] = {}
    for text in blocks:
        section, name, first, last = parse_block(text)
        rows = [row for key, row in layout.rows.items() if key[0] == section and name in (None, key[1])]
        if not rows:
            raise ValueError(f"{text!r} is not in the layout")
        for row in rows:
            if first is None or last is None:
                span = range(len(row.numbers))
            else:
                if first not in row.positions or last not in row.positions:
                    raise ValueError(f"{text!r} is not in the layout")
                span = range(row.positions[first], row.positions[last] + 1)
            found.setdefault((row.section, row.name), set()).update(span)
    return {key: frozenset(positions) for key, positions in found.items()}

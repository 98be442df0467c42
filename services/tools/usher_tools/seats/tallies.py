"""Tallies: how many seats of an event are taken, without reading its rows.

An event has at most TALLY_SHARDS small documents, each from its first change. A row's changes go to the shard of its
hash, in the transaction that changes the row. Held seats stand there by hold with their end, so that an expired hold
stops counting by itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_tools.seats.layout import Seat

TALLY_SHARDS = 16


def shard_of(section: str, row: str) -> int:
    return zlib.crc32(f"{section}-{row}".encode()) % TALLY_SHARDS


def tally_id(event_id: str, shard: int) -> str:
    return f"{event_id}:{shard}"


@dataclass(slots=True)
class Count:
    """Taken seats of one section."""

    seats: int = 0
    accessible: int = 0


def _add(counts: dict[str, list[int]], seat: Seat, sign: int) -> None:
    pair = counts.setdefault(seat.section, [0, 0])
    pair[0] += sign
    pair[1] += sign * seat.accessible


@dataclass(slots=True)
class Tally:
    """One shard: `sold` {section: [seats, accessible]}, `held` {hold: {"until", "counts"}}."""

    event_id: str
    sold: dict[str, list[int]] = field(default_factory=dict)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)

    @staticmethod
    def parse(event_id: str, data: dict[str, Any] | None) -> Tally:
        return Tally(event_id) if data is None else Tally(event_id, data["sold"], data["held"])

    def document(self, now: str) -> dict[str, Any]:
        held = {id: entry for id, entry in self.held.items() if entry["until"] > now}
        return {"event_id": self.event_id, "updated_at": now, "sold": self.sold, "held": held}

    def sell(self, seat: Seat) -> None:
        _add(self.sold, seat, 1)

    def take_back(self, seat: Seat) -> None:
        _add(self.sold, seat, -1)

    def hold(self, hold_id: str, until: str, seat: Seat) -> None:
        entry = self.held.setdefault(hold_id, {"until": until, "counts": {}})
        entry["until"] = until
        _add(entry["counts"], seat, 1)

    def drop_hold(self, hold_id: str) -> None:
        self.held.pop(hold_id, None)

    def add_to(self, totals: dict[str, Count], now: str) -> None:
        """Add what is sold, and held by holds that have not ended, to the counts by section."""
        parts: Iterable[dict[str, list[int]]] = [
            self.sold,
            *(entry["counts"] for entry in self.held.values() if entry["until"] > now),
        ]
        for part in parts:
            for section, (seats, accessible) in part.items():
                count = totals.setdefault(section, Count())
                count.seats += seats
                count.accessible += accessible


async def read_tallies(source: DocumentStore | Transaction, event_id: str) -> dict[int, Tally]:
    """The event's tallies by shard; one that is missing counts nothing."""
    page = await source.query(Query("seat_tallies", (Filter("event_id", "==", event_id),), limit=TALLY_SHARDS))
    return {int(d.id.rpartition(":")[2]): Tally.parse(event_id, d.data) for d in page.documents}


def add_up(tallies: Iterable[Tally], now: str) -> dict[str, Count]:
    """Taken seats by section."""
    totals: dict[str, Count] = {}
    for tally in tallies:
        tally.add_to(totals, now)
    return totals


async def count_taken(source: DocumentStore | Transaction, event_id: str, now: str) -> dict[str, Count]:
    """Taken seats by section at `now`: sold, and held by holds that have not ended."""
    return add_up((await read_tallies(source, event_id)).values(), now)

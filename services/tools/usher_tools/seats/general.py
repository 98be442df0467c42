"""Room in general-admission sections: how much is left, and which places to take.

Places are alike, so nobody needs a certain one. The tallies say in sixteen small documents how much is left and about
where; one row document of a part with room then names free places. Where a search begins differs from customer to
customer, so that a crowd spreads over the shards.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from usher_shared.documents import DocumentStore, Transaction
from usher_tools.events.model import Seating
from usher_tools.seats.layout import Row, Seat
from usher_tools.seats.ledger import SeatLedger, is_free, row_id
from usher_tools.seats.tallies import Count, Tally, add_up, shard_of


@dataclass(frozen=True, slots=True)
class _Part:
    """The shards of a section that one tally counts, and how many places they sell: all, and those kept."""

    rows: tuple[Row, ...]
    capacity: Count


T = TypeVar("T")


@lru_cache(maxsize=512)
def _parts(seating: Seating, section: str) -> dict[int, _Part]:
    rows: dict[int, list[Row]] = {}
    for row in seating.general[section].rows:
        rows.setdefault(shard_of(*row.key), []).append(row)
    parts = {}
    for shard, group in rows.items():
        blocked = {row.key: seating.blocked.get(row.key, frozenset()) for row in group}
        seats = sum(len(row.numbers) - len(blocked[row.key]) for row in group)
        accessible = sum(len(row.accessible - blocked[row.key]) for row in group)
        parts[shard] = _Part(tuple(group), Count(seats, accessible))
    return parts


class Room:
    """What a section has left at one moment."""

    def __init__(self, event_id: str, seating: Seating, section: str, taken: dict[int, Count], now: str) -> None:
        self._event_id = event_id
        self._seating = seating
        self._now = now
        self._parts = _parts(seating, section)
        self._ordinary: dict[int, int] = {}
        self._accessible: dict[int, int] = {}
        for shard, part in self._parts.items():
            count = taken.get(shard, Count())
            kept = part.capacity.accessible - count.accessible
            self._accessible[shard] = max(kept, 0)
            self._ordinary[shard] = max(part.capacity.seats - count.seats - kept, 0)
        self.rank = seating.general[section].rank

    @property
    def ordinary(self) -> int:
        return sum(self._ordinary.values())

    @property
    def accessible(self) -> int:
        return sum(self._accessible.values())

    def fits(self, quantity: int, *, accessible: bool) -> bool:
        """Whether a party finds what it asks for; who does not ask leaves wheelchair users their places."""
        if accessible:
            return self.accessible > 0 and self.ordinary + self.accessible >= quantity
        return self.ordinary >= quantity

    def share(self, quantity: int, *, accessible: bool) -> tuple[int, int]:
        """How many ordinary and how many wheelchair places a party gets: fewer than `quantity` if fewer are left."""
        kept = min(quantity, self.accessible) if accessible else 0
        if accessible and not kept:
            return 0, 0
        ordinary = min(quantity - kept, self.ordinary)
        return ordinary, kept + min(quantity - kept - ordinary, self.accessible - kept)

    async def find(
        self, source: DocumentStore | Transaction, ordinary: int, accessible: int, *, start: int
    ) -> list[Seat]:
        """So many free places of either kind, each kind in one shard where possible; fewer if others were faster.

        `start` is any number; it says where the search begins.
        """
        places = await self._collect(source, accessible, accessible=True, start=start) if accessible else []
        if ordinary:
            places += await self._collect(source, ordinary, accessible=False, start=start)
        return places

    async def _collect(
        self, source: DocumentStore | Transaction, count: int, *, accessible: bool, start: int
    ) -> list[Seat]:
        free = self._accessible if accessible else self._ordinary
        shards = sorted((shard for shard in free if free[shard]), key=lambda shard: free[shard] < count)
        enough = sum(free[shard] >= count for shard in shards)
        found: list[Seat] = []
        for shard in (*_turned(shards[:enough], start), *_turned(shards[enough:], start)):
            for row in _turned(self._parts[shard].rows, start // 7):
                here = _turned(await self._free_places(source, row, accessible=accessible), start // 11)
                if len(here) >= count:
                    return here[:count]
                found += here
            if len(found) >= count:
                break
        return found[:count]

    async def _free_places(self, source: DocumentStore | Transaction, row: Row, *, accessible: bool) -> list[Seat]:
        if not row.accessible and accessible:
            return []
        data = await source.get("seat_rows", row_id(self._event_id, *row.key))
        taken = {} if data is None else data["taken"]
        return _suiting(row, self._seating, accessible, lambda seat: is_free(taken.get(seat.number), self._now))


def _turned(items: Sequence[T], start: int) -> list[T]:
    """The items from another beginning."""
    at = start % len(items) if items else 0
    return [*items[at:], *items[:at]]


def _suiting(row: Row, seating: Seating, accessible: bool, free: Callable[[Seat], bool]) -> list[Seat]:
    blocked = seating.blocked.get(row.key, frozenset())
    return [seat for seat in row.seats if seat.accessible == accessible and seat.position not in blocked and free(seat)]


def start_for(event_id: str, customer_id: str) -> int:
    """Where the customer's search begins: anywhere, and the same place each time."""
    return zlib.crc32(f"{event_id}/{customer_id}".encode())


def read_room(
    tallies: Mapping[int, Tally], event_id: str, seating: Seating, sections: Iterable[str], now: str
) -> dict[str, Room]:
    """The room of those general-admission sections, as one reading of the tallies shows it."""
    taken: dict[str, dict[int, Count]] = {section: {} for section in sections}
    for shard, tally in tallies.items():
        counts = add_up([tally], now)
        for section in taken.keys() & counts.keys():
            taken[section][shard] = counts[section]
    return {section: Room(event_id, seating, section, taken[section], now) for section in taken}


def substitute(ledger: SeatLedger, seating: Seating, seats: Sequence[Seat]) -> list[Seat]:
    """The seats, with places that were taken meanwhile exchanged for like ones of the same shard where it has any."""
    lost = {seat.id for seat in ledger.taken(seat for seat in seats if seat.general_admission)}
    kept = {seat.id for seat in seats} - lost
    chosen = []
    for seat in seats:
        taker = _another(ledger, seating, seat, kept) if seat.id in lost else None
        chosen.append(taker or seat)
        kept.add(chosen[-1].id)
    return chosen


async def exchange_taken(
    source: DocumentStore | Transaction, event_id: str, seating: Seating, seats: Sequence[Seat], now: str
) -> list[Seat]:
    """The seats of a quote, with places that were taken since exchanged as `substitute` does."""
    places = [seat for seat in seats if seat.general_admission]
    if not places:
        return list(seats)
    return substitute(await SeatLedger.load(source, event_id, places, now), seating, seats)


def _another(ledger: SeatLedger, seating: Seating, seat: Seat, but: set[str]) -> Seat | None:
    row = seating.layout.rows[seat.key]
    others = _suiting(row, seating, seat.accessible, lambda other: not ledger.taken([other]))
    return next((place for place in others if place.id not in but), None)

"""The seats that one transaction touches: read first, changed in memory, written together.

One document per (event, row) in `seat_rows` records what is taken: `{"12": {"order": id}}` or
`{"12": {"hold": id, "until": timestamp}}`. A seat that is not mentioned is free, and so is one whose hold has
ended: whoever comes next takes it over in place, no sweeper is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_tools.seats.layout import RowKey, Seat
from usher_tools.seats.tallies import Tally, shard_of, tally_id

SeatState = Mapping[str, str]


def is_free(state: SeatState | None, now: str) -> bool:
    return state is None or ("hold" in state and state["until"] <= now)


def row_id(event_id: str, section: str, row: str) -> str:
    return f"{event_id}:{section}-{row}"


class SeatLedger:
    """Load with `SeatLedger.load` inside a transaction; nothing is written before `save`."""

    def __init__(
        self,
        event_id: str,
        now: str,
        names: dict[RowKey, tuple[str, int | None]],
        rows: dict[RowKey, dict[str, SeatState]],
        tallies: dict[int, Tally],
    ) -> None:
        self._event_id = event_id
        self._now = now
        self._names = names
        self._rows = rows
        self._tallies = tallies

    @staticmethod
    async def load(source: DocumentStore | Transaction, event_id: str, seats: Iterable[Seat], now: str) -> SeatLedger:
        names = {seat.key: (seat.row, seat.shard) for seat in seats}
        rows: dict[RowKey, dict[str, SeatState]] = {}
        for key in sorted(names):
            data = await source.get("seat_rows", row_id(event_id, *key))
            rows[key] = {} if data is None else data["taken"]
        tallies = {}
        for shard in sorted({shard_of(*key) for key in names}):
            tallies[shard] = Tally.parse(event_id, await source.get("seat_tallies", tally_id(event_id, shard)))
        return SeatLedger(event_id, now, names, rows, tallies)

    def _tally(self, seat: Seat) -> Tally:
        return self._tallies[shard_of(*seat.key)]

    def state(self, seat: Seat) -> SeatState | None:
        return self._rows[seat.key].get(seat.number)

    def taken(self, seats: Iterable[Seat]) -> list[Seat]:
        """Those of the seats that nobody may take now."""
        return [seat for seat in seats if not is_free(self.state(seat), self._now)]

    def belongs_to(self, seats: Iterable[Seat], hold_id: str) -> bool:
        """Whether every seat still stands in the hold's name, lapsed or not."""
        return all((self.state(seat) or {}).get("hold") == hold_id for seat in seats)

    def hold(self, seats: Iterable[Seat], hold_id: str, until: str) -> None:
        """Put seats in the hold's name until then; a seat already in its name gets the new end."""
        seats = list(seats)
        for tally in {id(t): t for t in map(self._tally, seats)}.values():
            tally.drop_hold(hold_id)
        for seat in seats:
            self._rows[seat.key][seat.number] = {"hold": hold_id, "until": until}
            self._tally(seat).hold(hold_id, until, seat)

    def release(self, seats: Iterable[Seat], hold_id: str) -> None:
        """Free those of the seats that stand in the hold's name."""
        for seat in seats:
            row = self._rows[seat.key]
            if row.get(seat.number, {}).get("hold") == hold_id:
                del row[seat.number]
            self._tally(seat).drop_hold(hold_id)

    def sell(self, seats: Iterable[Seat], order_id: str, hold_id: str) -> None:
        for seat in seats:
            self._rows[seat.key][seat.number] = {"order": order_id}
            tally = self._tally(seat)
            tally.drop_hold(hold_id)
            tally.sell(seat)

    def take_back(self, seats: Iterable[Seat], order_id: str) -> None:
        """Free those of the seats that the order has."""
        for seat in seats:
            row = self._rows[seat.key]
            if row.get(seat.number, {}).get("order") == order_id:
                del row[seat.number]
                self._tally(seat).take_back(seat)

    def save(self, tx: Transaction) -> None:
        for key, taken in self._rows.items():
            name, shard = self._names[key]
            data = {
                "event_id": self._event_id,
                "section": key[0],
                "row": name,
                "shard": shard,
                "general_admission": shard is not None,
                "taken": {number: state for number, state in taken.items() if not is_free(state, self._now)},
            }
            tx.set("seat_rows", row_id(self._event_id, *key), data)
        for tally_shard, tally in self._tallies.items():
            tx.set("seat_tallies", tally_id(self._event_id, tally_shard), tally.document(self._now))


async def _read_rows(
    source: DocumentStore | Transaction, event_id: str, *more: Filter
) -> AsyncIterator[Mapping[str, Any]]:
    after = None
    while True:
        where = (Filter("event_id", "==", event_id), *more)
        page = await source.query(Query("seat_rows", where, limit=500, after=after))
        for document in page.documents:
            yield document.data
        if page.next_cursor is None:
            return
        after = page.next_cursor


async def read_taken(
    source: DocumentStore | Transaction, event_id: str, *, section: str | None = None
) -> dict[RowKey, dict[str, Any]]:
    """What is taken of numbered seats, by row, of an event or of one section."""
    more: tuple[Filter, ...] = () if section is None else (Filter("section", "==", section),)
    found = {}
    async for data in _read_rows(source, event_id, *more):
        if not data.get("general_admission"):
            found[data["section"], data["row"]] = data["taken"]
    return found


async def read_taken_ids(source: DocumentStore | Transaction, event_id: str) -> dict[str, SeatState]:
    """All that is taken of an event, places of general admission too, by seat id."""
    rows = _read_rows(source, event_id)
    return {
        f"{data['section']}-{data['row']}-{number}": state
        async for data in rows
        for number, state in data["taken"].items()
    }

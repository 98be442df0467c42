"""The seats that one transaction touches: read first, changed in memory, written together.

One document per (event, row) in `seat_rows` records what is taken: `{"12": {"order": id}}` or
`{"12": {"hold": id, "until": timestamp}}`. A seat that is not mentioned is free, and so is one whose hold has
ended: whoever comes next takes it over in place, no sweeper is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_tools.seats.layout import Seat
from usher_tools.seats.tallies import Tally, shard_of, tally_id

SeatState = Mapping[str, str]
RowKey = tuple[str, str]


def is_free(state: SeatState | None, now: str) -> bool:
    return state is None or ("hold" in state and state["until"] <= now)


def row_id(event_id: str, section: str, row: str) -> str:
    return f"{event_id}:{section}-{row}"


class SeatLedger:
    """Load with `SeatLedger.load` inside a transaction; nothing is written before `save`."""

    def __init__(
        self, event_id: str, now: str, rows: dict[RowKey, dict[str, SeatState]], tallies: dict[int, Tally]
    ) -> None:
        self._event_id = event_id
        self._now = now
        self._rows = rows
        self._tallies = tallies

    @staticmethod
    async def load(tx: Transaction, event_id: str, seats: Iterable[Seat], now: str) -> SeatLedger:
        keys = sorted({(seat.section, seat.row) for seat in seats})
        rows: dict[RowKey, dict[str, SeatState]] = {}
        for key in keys:
            data = await tx.get("seat_rows", row_id(event_id, *key))
            rows[key] = {} if data is None else data["taken"]
        tallies = {}
        for shard in sorted({shard_of(*key) for key in keys}):
            tallies[shard] = Tally.parse(event_id, await tx.get("seat_tallies", tally_id(event_id, shard)))
        return SeatLedger(event_id, now, rows, tallies)

    def _tally(self, seat: Seat) -> Tally:
        return self._tallies[shard_of(seat.section, seat.row)]

    def state(self, seat: Seat) -> SeatState | None:
        return self._rows[seat.section, seat.row].get(seat.number)

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
            self._rows[seat.section, seat.row][seat.number] = {"hold": hold_id, "until": until}
            self._tally(seat).hold(hold_id, until, seat)

    def release(self, seats: Iterable[Seat], hold_id: str) -> None:
        """Free those of the seats that stand in the hold's name."""
        for seat in seats:
            row = self._rows[seat.section, seat.row]
            if row.get(seat.number, {}).get("hold") == hold_id:
                del row[seat.number]
            self._tally(seat).drop_hold(hold_id)

    def sell(self, seats: Iterable[Seat], order_id: str, hold_id: str) -> None:
        for seat in seats:
            self._rows[seat.section, seat.row][seat.number] = {"order": order_id}
            tally = self._tally(seat)
            tally.drop_hold(hold_id)
            tally.sell(seat)

    def take_back(self, seats: Iterable[Seat], order_id: str) -> None:
        """Free those of the seats that the order has."""
        for seat in seats:
            row = self._rows[seat.section, seat.row]
            if row.get(seat.number, {}).get("order") == order_id:
                del row[seat.number]
                self._tally(seat).take_back(seat)

    def save(self, tx: Transaction) -> None:
        for (section, row), taken in self._rows.items():
            kept = {number: state for number, state in taken.items() if not is_free(state, self._now)}
            data = {"event_id": self._event_id, "section": section, "row": row, "taken": kept}
            tx.set("seat_rows", row_id(self._event_id, section, row), data)
        for shard, tally in self._tallies.items():
            tx.set("seat_tallies", tally_id(self._event_id, shard), tally.document(self._now))


async def read_taken(
    source: DocumentStore | Transaction, event_id: str, section: str | None = None
) -> dict[RowKey, dict[str, Any]]:
    """What is taken, by (section, row), of an event or of one section."""
    where: tuple[Filter, ...] = (Filter("event_id", "==", event_id),)
    if section is not None:
        where += (Filter("section", "==", section),)
    found: dict[RowKey, dict[str, Any]] = {}
    after = None
    while True:
        page = await source.query(Query("seat_rows", where, limit=500, after=after))
        for document in page.documents:
            found[document.data["section"], document.data["row"]] = document.data["taken"]
        if page.next_cursor is None:
            return found
        after = page.next_cursor

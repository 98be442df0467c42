"""A look at a whole event reads as little as it can, and finds what a look at every row would."""

from __future__ import annotations

import random
from typing import Any

from usher_shared.documents import Query, Transaction
from usher_tools.events.service import find_event
from usher_tools.seats.choice import choose_seats
from usher_tools.seats.finding import Search, find_best, open_rows
from usher_tools.seats.ledger import SeatLedger


def _hall(sections: int, rows: int, seats: int) -> dict[str, Any]:
    shape = [{"from": 1, "to": rows - 1, "seats": seats}, {"names": [rows], "seats": seats, "accessible": [1, 2]}]
    return {
        "venues": [
            {
                "id": "hall",
                "name": "Union Hall",
                "city": "Chicago",
                "address": "1 Main Street",
                "time_zone": "America/Chicago",
                "sections": [
                    {"id": f"S{n}", "name": f"Block {n}", "rank": 1 + (n * 7) % sections, "rows": shape}
                    for n in range(sections)
                ],
            }
        ],
        "events": [
            {
                "id": "tonight",
                "name": "Neon Harbor",
                "category": "concert",
                "venue": "hall",
                "starts_at": "2026-11-20T19:30",
                "currency": "USD",
                "prices": {f"S{n}": 50 for n in range(sections)},
            }
        ],
    }


class _Counting:
    """Passes reads on and counts the documents."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.read = 0

    async def get(self, collection: str, id: str) -> Any:
        self.read += 1
        return await self._store.get(collection, id)

    async def query(self, query: Query) -> Any:
        page = await self._store.query(query)
        self.read += max(len(page.documents), 1)
        return page


async def _sell(office: Any, seats: list[Any]) -> None:
    async def take(tx: Transaction) -> None:
        ledger = await SeatLedger.load(tx, "tonight", seats, office.office.now()[1])
        ledger.sell(seats, "ORD_1", "none")
        ledger.save(tx)

    await office.store.transaction(take)


async def test_the_same_seats_as_a_look_at_everything(open_box_office: Any) -> None:
    chance = random.Random(11)
    async with open_box_office(catalogue=_hall(6, 3, 7)) as office:
        event = await find_event(office.store, "tonight")
        seating, now = await office.office.seating(office.store, event), office.office.now()[1]
        everything = frozenset(event.prices)
        free = [seat for row, _ in seating.rows() for seat in row.seats]
        saved = 0
        while len(free) > 4:
            for quantity in (1, 2, 3, 5, 8):
                for accessible in (False, True):
                    counting = _Counting(office.store)
                    search = Search(everything, quantity, accessible, 0)
                    found = await find_best(counting, event, seating, now, search)
                    rows = await open_rows(office.store, event, seating, now, everything)
                    best = choose_seats(rows, quantity, accessible=accessible)
                    assert found.choice.seats == best.seats
                    assert found.available == sum(seat.accessible or not accessible for seat in free)
                    saved += counting.read < 6 * 3
            sold = chance.sample(free, 5)
            await _sell(office, sold)
            free = [seat for seat in free if seat not in sold]
        assert saved > 30


async def test_a_large_hall_is_not_read_whole(open_box_office: Any) -> None:
    async with open_box_office(catalogue=_hall(40, 20, 10)) as office:
        event = await find_event(office.store, "tonight")
        seating, now = await office.office.seating(office.store, event), office.office.now()[1]
        await _sell(office, [row.seats[4] for row, _ in seating.rows()])
        counting = _Counting(office.store)
        found = await find_best(counting, event, seating, now, Search(frozenset(event.prices), 2, False, 0))
        assert (len(found.choice.seats), found.available) == (2, 40 * 20 * 9)
        assert counting.read <= 16 + 20  # of 800 row documents

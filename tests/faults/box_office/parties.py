"""Invariant 3: many parties ask for the best available seats at once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest

from box_office import Agent
from faults.box_office.faulty import AllHaveRead, loose
from faults.box_office.house import House
from faults.box_office.processes import Plan
from faults.box_office.rush import is_new_hold
from faults.box_office.suite import HouseSuite, hall

_SEATS = 20  # in a row
_PATIENCE_SECONDS = 120.0  # Firestore's emulator stalls for seconds at each conflict


@dataclass(frozen=True)
class Party:
    customer: str
    size: int
    accessible: bool


async def seat(agent: Agent, party: Party) -> list[str]:
    """Ask and hold until a hold is granted: what was shown may be gone by then."""
    wanted = {"event_id": "tonight", "quantity": party.size, "accessible": party.accessible}
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        found = await agent.ok("check_inventory", wanted, party.customer)
        seats = [seat["id"] for seat in found["seats"]]
        held = await agent.tool("hold_tickets", {"event_id": "tonight", "seat_ids": seats}, party.customer)
        if held.status_code == 200:
            return seats
        assert held.status_code == 409
        assert held.json()["code"] in ("seats_taken", "leaves_single_seat")
        await asyncio.sleep(random.uniform(0, 0.05))  # the client's own back-off: all of them choose alike
    raise AssertionError(f"a party was never seated: {party}; offered {seats}, refused {held.json()}")


def place(seat_id: str) -> tuple[int, int]:
    """Row and number."""
    _, row, number = seat_id.split("-")
    return int(row), int(number)


def singles(taken: set[str], rows: int) -> list[str]:
    """Free seats with nobody free beside them."""

    def is_free(row: int, number: int) -> bool:
        return 1 <= number <= _SEATS and f"A-{row}-{number}" not in taken

    return [
        f"A-{row}-{number}"
        for row in range(1, rows + 1)
        for number in range(1, _SEATS + 1)
        if is_free(row, number) and not is_free(row, number - 1) and not is_free(row, number + 1)
    ]


class PartiesSuite(HouseSuite):
    async def _seat_all(self, house: House, *plans: Plan, wheelchairs: int) -> set[str]:
        """Seat parties of two to four, and a wheelchair user in each place for them; what is taken then."""
        generator, crowd = random.Random(3), house.crowd(100)
        rows = max(4, crowd // 5)  # more than are needed: a single seat can always be avoided
        await house.open(hall(rows, _SEATS, accessible=wheelchairs // 2))
        parties = [Party(f"c{n}", generator.choice((2, 3, 4)), accessible=False) for n in range(crowd)]
        parties += [Party(f"w{n}", 1, accessible=True) for n in range(wheelchairs)]
        agent = await house.served(*plans)
        seated = await asyncio.gather(*(seat(agent, party) for party in parties))
        wheelchair = {f"A-{row + 1}-{number}" for row in range(wheelchairs // 2) for number in (1, _SEATS)}
        for party, seats in zip(parties, seated, strict=True):
            places = sorted(map(place, seats))
            row, first = places[0]
            assert places == [(row, first + n) for n in range(party.size)], f"{party} sits on {seats}"
            assert bool(wheelchair & set(seats)) == party.accessible
        books = await house.books()
        books.check()
        everything = [seat for seats in seated for seat in seats]
        assert len(everything) == len(set(everything)), "two parties on one seat"
        assert set(books.held) == set(everything)
        return set(everything)

    async def test_parties_sit_together_on_seats_of_their_own(self, house: House) -> None:
        await self._seat_all(house, wheelchairs=4)

    async def test_one_process_leaves_no_single_seat(self, house: House) -> None:
        """It remembers what it has just shown, so that parties who ask at once are shown different places."""
        taken = await self._seat_all(house, house.plan, wheelchairs=0)
        rows = max(row for row, _ in map(place, taken))
        assert singles(taken, rows) == []

    async def test_without_the_transaction_parties_overlap(self, house: House) -> None:
        """The control: two processes show the same best seats, and both parties get them."""
        await house.open(hall(2, _SEATS))
        gate = AllHaveRead(2, is_new_hold)
        plan = house.plan.but(wrap=loose(gate))
        async with house.here(plan) as first, house.here(plan) as second:

            async def party(agent: Agent, customer: str) -> list[str]:
                seats = await seat(agent, Party(customer, 2, accessible=False))
                gate.leave()
                return seats

            anns, bobs = await asyncio.gather(party(first, "ann"), party(second, "bob"))
        assert anns == bobs

    async def test_what_another_was_shown_is_offered_rather_than_what_a_hold_refuses(self, house: House) -> None:
        """Three seats are left in one row and four in the other; the three were just shown to Ann."""
        await house.open(hall(2, _SEATS))
        agent = await house.served(house.plan.but(settings={"keep_rows_whole": True}))
        for row, gap in ((1, range(8, 11)), (2, range(8, 12))):
            sides = [n for n in range(1, _SEATS + 1) if n not in gap]
            for first in range(0, len(sides), 2):
                await agent.hold([f"A-{row}-{n}" for n in sides[first : first + 2]], f"c{row}-{first}")
        wanted = {"event_id": "tonight", "quantity": 3}
        await agent.ok("check_inventory", wanted, "ann")
        offered = (await agent.ok("check_inventory", wanted, "bob"))["seats"]
        await agent.hold([seat["id"] for seat in offered], "bob")

    async def test_processes_that_keep_rows_whole_leave_no_single_seat(self, house: House) -> None:
        plan = house.plan.but(settings={"keep_rows_whole": True})
        taken = await self._seat_all(house, *[plan] * house.site.servers, wheelchairs=0)
        rows = max(row for row, _ in map(place, taken))
        assert singles(taken, rows) == []

    @pytest.mark.parametrize("kept", [True, False], ids=["kept whole", "the control: left to the customers"])
    async def test_an_offer_that_others_made_worse(self, house: House, kept: bool) -> None:
        """Ann is shown seats in the middle; meanwhile others take those to the right, all but one."""
        await house.open(hall(2, _SEATS))
        agent = await house.served(house.plan.but(settings={"keep_rows_whole": kept}))
        wanted = {"event_id": "tonight", "quantity": 2}
        shown = [s["id"] for s in (await agent.ok("check_inventory", wanted, "ann"))["seats"]]
        row, last = max(map(place, shown))
        for number in range(last + 2, _SEATS + 1, 3):
            beside = [f"A-{row}-{n}" for n in range(number, min(number + 3, _SEATS + 1))]
            await agent.hold(beside, f"c{number}")
        held = await agent.tool("hold_tickets", {"event_id": "tonight", "seat_ids": shown}, "ann")
        assert held.status_code == (409 if kept else 200)
        assert singles(set((await house.books()).held), 2) == ([] if kept else [f"A-{row}-{last + 1}"])

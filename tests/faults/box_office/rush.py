"""Invariants 1 and 2: many at once for few seats."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

from box_office import Agent
from faults.box_office.faulty import AllHaveRead, Write, loose
from faults.box_office.house import Answer, House
from faults.box_office.suite import HouseSuite, buy_one, hall


def is_new_hold(write: Write) -> bool:
    return (write.kind, write.collection) == ("create", "holds")


class RushSuite(HouseSuite):
    # 1

    async def test_as_many_are_sold_as_there_are(self, house: House) -> None:
        """On SQLite ten buyers for each of fifty seats, five hundred at once."""
        rush = house.site.rush
        seats = [f"A-{row}-{number + 1}" for row in range(1, rush.rows + 1) for number in range(rush.seats_in_row)]
        await house.open(hall(rush.rows, rush.seats_in_row))
        agent = await house.served()
        wanted = [(f"c{n}", [seats[n % len(seats)]]) for n in range(rush.buyers)]
        answers = await asyncio.gather(*(buy_one(agent, customer, seat) for customer, seat in wanted))
        assert Counter(a.status_code for a in answers) == {200: len(seats), 409: rush.buyers - len(seats)}
        assert {a.json()["code"] for a in answers if a.status_code == 409} == {"seats_taken"}
        books = await house.books()
        books.check()
        assert set(books.sold) == set(seats)
        assert len(books.orders) == len(books.money) == len(seats)
        assert len(await house.published("ticket_purchased")) == len(seats)

    async def test_without_the_transaction_it_is_oversold(self, house: House) -> None:
        """The control: five buyers read that the seat is free before the first of them takes it."""
        gate = AllHaveRead(5, is_new_hold)
        async with house.here(house.plan.but(wrap=loose(gate))) as agent:

            async def buyer(customer: str) -> Answer:
                answer = await buy_one(agent, customer, ["C-X-1"])
                gate.leave()
                return answer

            answers = await asyncio.gather(*(buyer(f"c{n}") for n in range(5)))
        assert [a.status_code for a in answers] == [200] * 5
        books = await house.books()
        assert books.tickets() == {"C-X-1": 5}
        assert "5 live tickets for C-X-1" in books.faults()

    # 2

    async def test_holds_that_overlap_are_whole_or_nothing(self, house: House) -> None:
        generator = random.Random(7)
        seats = [f"A-{row}-{number}" for row in (2, 3) for number in range(1, 11)]
        wanted = {f"c{n}": generator.sample(seats, 4) for n in range(house.crowd(120))}
        agent = await house.served()
        held = await self._hold_all(agent, wanted)
        books = await house.books()
        books.check()
        whose = {seat: hold["hold_id"] for customer, hold in held.items() for seat in wanted[customer]}
        assert len(whose) == 4 * len(held), "two hold the same seat"
        assert books.held == whose

    async def test_without_the_transaction_a_hold_is_in_pieces(self, house: House) -> None:
        """The control: both were told that they hold their seats; one has lost a half."""
        wanted = {"ann": ["A-2-5", "A-2-6", "A-3-5", "A-3-6"], "bob": ["A-3-6", "A-3-7", "A-4-6", "A-4-7"]}
        gate = AllHaveRead(2, is_new_hold)
        async with house.here(house.plan.but(wrap=loose(gate))) as agent:

            async def party(customer: str) -> Any:
                held = await agent.hold(wanted[customer], customer)
                gate.leave()
                return held["hold_id"]

            ids = dict(zip(wanted, await asyncio.gather(*map(party, wanted)), strict=True))
        held = (await house.books()).held
        whole = [customer for customer in wanted if all(held.get(seat) == ids[customer] for seat in wanted[customer])]
        assert len(whole) == 1

    async def test_seat_by_seat_two_parties_end_with_halves(self, house: House) -> None:
        """Why a hold takes all of its seats at once: taken one by one, crosswise, neither party gets its pair."""
        agent = await house.served()
        for customer, seat in (("ann", "A-2-5"), ("bob", "A-2-6")):
            await agent.hold([seat], customer)
        for customer, seat in (("ann", "A-2-6"), ("bob", "A-2-5")):
            answer = await agent.tool("hold_tickets", {"event_id": "tonight", "seat_ids": [seat]}, customer)
            assert answer.json()["code"] == "seats_taken"

    @staticmethod
    async def _hold_all(agent: Agent, wanted: dict[str, list[str]]) -> dict[str, Any]:
        """The holds that were granted, by customer; all others were refused cleanly."""
        answers = await asyncio.gather(
            *(agent.tool("hold_tickets", {"event_id": "tonight", "seat_ids": s}, c) for c, s in wanted.items())
        )
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {(a.status_code, a.json()["code"]) for a in refused} <= {(409, "seats_taken")}
        return {c: a.json() for c, a in zip(wanted, answers, strict=True) if a.status_code == 200}

"""Invariants 1 and 2 where there are no seats: a crowd for a floor is served to the last place, and no further."""

from __future__ import annotations

import asyncio
from typing import Any

from box_office import Agent
from faults.box_office.faulty import AllHaveRead, loose
from faults.box_office.house import House
from faults.box_office.rush import is_new_hold
from faults.box_office.suite import HouseSuite, hall


def _floor(capacity: int) -> dict[str, Any]:
    catalogue = hall(1, 1)
    catalogue["venues"][0]["sections"] = [{"id": "F", "name": "Floor", "capacity": capacity}]
    catalogue["events"][0]["prices"] = {"F": 60}
    return catalogue


async def _pair(agent: Agent, customer: str) -> list[str] | None:
    """Two places, whichever; None for who is told that they are gone."""
    wanted = {"event_id": "tonight", "seat_ids": ["F-GA-1", "F-GA-2"]}
    answer = await agent.tool("hold_tickets", wanted, customer)
    if answer.status_code != 200:
        assert (answer.status_code, answer.json()["code"]) == (409, "seats_taken")
        return None
    return [seat["id"] for seat in answer.json()["seats"]]


class PlacesSuite(HouseSuite):
    async def test_everybody_wants_the_same_places(self, house: House) -> None:
        """Half of the parties find room, in several shards, though all of them name the same two places."""
        parties = house.crowd(80)
        await house.open(_floor(parties // 2 * 2))
        agent = await house.served()
        given = [pair for pair in await asyncio.gather(*(_pair(agent, f"c{n}") for n in range(parties))) if pair]
        places = [place for pair in given for place in pair]
        assert len(places) == len(set(places)) == parties // 2 * 2
        books = await house.books()
        books.check()
        assert set(books.held) == set(places)

    async def test_without_the_transaction_two_parties_get_the_same_places(self, house: House) -> None:
        """The control: both read that the places they name are free."""
        await house.open(_floor(40))
        gate = AllHaveRead(2, is_new_hold)
        async with house.here(house.plan.but(wrap=loose(gate))) as agent:

            async def party(customer: str) -> list[str] | None:
                pair = await _pair(agent, customer)
                gate.leave()
                return pair

            anns, bobs = await asyncio.gather(party("ann"), party("bob"))
        assert anns == bobs == ["F-GA-1", "F-GA-2"]

"""Invariants 4 and 6: holds end by themselves, and nobody keeps seats for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from box_office import Agent
from faults.box_office.faulty import Write, rewritten
from faults.box_office.house import House
from faults.box_office.suite import HouseSuite
from usher_shared.clock import from_timestamp

_TONIGHT = {"event_id": "tonight"}
_LIFETIME = 600
_SLACK = 10**6


async def try_hold(agent: Agent, seats: Sequence[str], customer: str, **more: Any) -> tuple[int, str | None]:
    answer = await agent.tool("hold_tickets", {**_TONIGHT, "seat_ids": list(seats), **more}, customer)
    return answer.status_code, answer.json().get("code")


def endless_hold(write: Write) -> Write:
    """A hold lasts until somebody removes it: no end is ever reached by itself."""
    if write.collection != "seat_rows" or write.data is None:
        return write
    taken = {n: {**s, "until": "9999"} if "hold" in s else s for n, s in write.data["taken"].items()}
    return replace(write, data={**write.data, "taken": taken})


class HoldsSuite(HouseSuite):
    @staticmethod
    async def _end(house: House, hold: dict[str, Any]) -> datetime:
        """When the hold ends: a quote may have extended it."""
        stored = await house.store.get("holds", hold["hold_id"])
        assert stored is not None
        return from_timestamp(stored["expires_at"])

    # 4: nothing sweeps here; SQLite's expiry is off, and Firestore's emulator has none

    async def test_an_ended_hold_is_taken_over_at_once(self, house: House) -> None:
        one, other = await house.served(house.plan), await house.served(house.plan)
        hold = await one.hold(["A-2-5", "A-2-6"], "ann")
        quote = await one.quote("create_order", {"hold_id": hold["hold_id"]}, "ann")
        house.clock.set(await self._end(house, hold) - timedelta(microseconds=1))
        assert await try_hold(other, ["A-2-5"], "bob") == (409, "seats_taken")
        house.clock.advance(timedelta(microseconds=1))
        assert await try_hold(other, ["A-2-5", "A-2-6"], "bob") == (200, None)
        late = await one.act(quote, "ann")
        assert (late.status_code, late.json()["code"]) == (409, "quote_expired")
        again = await one.tool("quote", {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}}, "ann")
        assert (again.status_code, again.json()["code"]) == (409, "hold_expired")
        books = await house.books()
        books.check()
        assert set(books.held) == {"A-2-5", "A-2-6"}
        assert not books.money

    async def test_where_ends_need_a_sweeper_seats_stay_blocked(self, house: House) -> None:
        """The control."""
        async with house.here(house.plan.but(wrap=partial(rewritten, rewrite=endless_hold))) as agent:
            await agent.hold(["A-2-5"], "ann", expires_in_seconds=300)
            house.clock.advance(timedelta(seconds=301))
            assert await try_hold(agent, ["A-2-5"], "bob") == (409, "seats_taken")

    async def test_a_clock_that_is_behind_sells_nobody_elses_seats(self, house: House) -> None:
        """Processes have clocks of their own. One that thinks ann's hold alive does not sell her bob's seat."""
        behind = await house.served(house.plan.but(skew=timedelta(seconds=-2)))
        agent = await house.served(house.plan)
        anns = await agent.hold(["A-2-5"], "ann")
        quote = await agent.quote("create_order", {"hold_id": anns["hold_id"]}, "ann")
        house.clock.set(await self._end(house, anns) + timedelta(seconds=1))
        bobs = await agent.hold(["A-2-5"], "bob")
        late = await behind.act(quote, "ann")
        assert (late.status_code, late.json()["code"]) == (409, "seats_taken")
        bought = await agent.act(await agent.quote("create_order", {"hold_id": bobs["hold_id"]}, "bob"), "bob")
        assert bought.status_code == 200
        books = await house.books()
        books.check()
        assert [order.customer_id for order in books.orders.values()] == ["bob"]

    # 6

    async def _refresh(self, house: House, agent: Agent, how: str) -> tuple[int, str | None]:
        """An attacker keeps the same seats, refreshing every 100 s; for how long, and what ended it."""
        start, wanted = house.clock.now(), {**_TONIGHT, "seat_ids": ["A-2-5", "A-2-6"]}
        refused, hold_id = None, ""
        while refused is None and house.clock.now() - start < timedelta(seconds=2 * _LIFETIME):
            if how == "quote" and hold_id:  # a quote lets a hold live a while longer
                asked = {"action": "create_order", "arguments": {"hold_id": hold_id}}
                answer = await agent.tool("quote", asked, "eve")
            else:
                answer = await agent.tool("hold_tickets", wanted, "eve")
                hold_id = answer.json().get("hold_id", "")
            if answer.status_code != 200:
                refused = answer.json()["code"]
                break
            house.clock.advance(timedelta(seconds=100))
            if how == "release and hold":
                await agent.ok("release_hold", {"hold_id": hold_id}, "eve")
        return int((house.clock.now() - start).total_seconds()), refused

    @pytest.mark.parametrize("how", ["release and hold", "hold over it", "quote"])
    async def test_a_refresh_loop_ends_with_the_lifetime(self, house: House, how: str) -> None:
        agent = await house.served(*[house.plan.but(settings={"max_hold_seconds": _LIFETIME})] * 2)
        kept, refused = await self._refresh(house, agent, how)
        assert (kept, refused) == (_LIFETIME, "hold_expired" if how == "quote" else "hold_limit")
        assert await try_hold(agent, ["A-2-5", "A-2-6"], "bob") == (200, None)

    async def test_without_a_lifetime_it_never_ends(self, house: House) -> None:
        """The control."""
        async with house.here(house.plan.but(settings={"max_hold_seconds": _SLACK})) as agent:
            kept, refused = await self._refresh(house, agent, "release and hold")
        assert (kept, refused) == (2 * _LIFETIME, None)

    async def _grab(self, house: House, **settings: Any) -> list[tuple[int, str | None]]:
        """Many holds of one customer at once, each of two seats of its own; the answers."""
        pairs = [[f"A-{row}-{n}", f"A-{row}-{n + 1}"] for row in (2, 3, 4) for n in (1, 3, 5, 7, 9)]
        pairs += [[f"B-{row}-{n}", f"B-{row}-{n + 1}"] for row in "AB" for n in (1, 3, 5, 7)]
        pairs = pairs[: max(5, house.crowd(23))]
        agent = await house.served(*[house.plan.but(settings=settings)] * house.site.servers)
        answers = await asyncio.gather(*(try_hold(agent, pair, "eve") for pair in pairs))
        assert len((await house.books()).held) == 2 * answers.count((200, None))
        return answers

    @pytest.mark.parametrize(
        ("settings", "granted", "code"),
        [({}, 3, "too_many_holds"), ({"max_live_holds": _SLACK, "max_held_seats": 5}, 2, "too_many_seats")],
    )
    async def test_holds_at_once_do_not_exceed_the_cap(
        self, house: House, settings: dict[str, Any], granted: int, code: str
    ) -> None:
        answers = await self._grab(house, **settings)
        assert answers.count((200, None)) == granted
        assert answers.count((409, code)) == len(answers) - granted

    async def test_without_the_caps_they_do(self, house: House) -> None:
        """The control."""
        answers = await self._grab(house, max_live_holds=_SLACK, max_held_seats=500)
        assert set(answers) == {(200, None)}

    @pytest.mark.parametrize("seconds", [-1, 0, 1])
    async def test_a_chain_of_holds_breaks_after_the_gap(self, house: House, seconds: int) -> None:
        """A seat that others could have had for long enough starts a new life."""
        settings = {"max_hold_seconds": 60, "hold_chain_gap_seconds": 60}
        async with house.here(house.plan.but(settings=settings)) as agent:
            await agent.hold(["A-2-5"], "eve", expires_in_seconds=60)
            house.clock.advance(timedelta(seconds=60 + 60 + seconds))
            expected = (200, None) if seconds > 0 else (409, "hold_limit")
            assert await try_hold(agent, ["A-2-5"], "eve") == expected

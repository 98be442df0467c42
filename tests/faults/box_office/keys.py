"""Invariant 10: one idempotency key, many times at once. Invariant 9: a commit that is reported as failed."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from books import every
from box_office import Agent
from faults.box_office.faulty import Write, doomed, each, lying, rewritten
from faults.box_office.house import House
from faults.box_office.processes import Wrap, ask, perform
from faults.box_office.suite import HouseSuite, buy_one

_HOLD = ("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-2-5", "A-2-6"]})
_TICKET = ("open_support_ticket", {"subject": "Wrong name", "details": "It says Bob"})
_LEASE = timedelta(seconds=8)


def endless_lease(write: Write) -> Write:
    """An idempotency record whose lease does not end with its time."""
    if write.collection != "idempotency" or write.data is None:
        return write
    return replace(write, data={**write.data, "leased_until": "9999-01-01T00:00:00.000000Z"})


class KeysSuite(HouseSuite):
    # 10

    async def _at_once(self, house: House, agent: Agent, call: tuple[str, Any], **headers: str) -> list[Any]:
        times = max(12, house.crowd(50))
        answers = await asyncio.gather(*(agent.tool(*call, "ann", **headers) for _ in range(times)))
        codes = {answer.json()["code"] for answer in answers if answer.status_code != 200}
        assert codes <= {"idempotency_in_flight"}
        return answers

    @pytest.mark.parametrize("call", [_HOLD, _TICKET], ids=["hold", "ticket"])
    async def test_a_key_is_carried_out_once(self, house: House, call: tuple[str, Any]) -> None:
        agent = await house.served()
        answers = await self._at_once(house, agent, call, Idempotency_Key="k")
        done = [answer.json() for answer in answers if answer.status_code == 200]
        assert done
        assert all(answer == done[0] for answer in done)
        assert Counter(a.headers.get("Idempotency-Replayed") for a in answers if a.status_code == 200)[None] == 1
        replay = await agent.tool(*call, "ann", Idempotency_Key="k")
        assert (replay.status_code, replay.json(), replay.headers["Idempotency-Replayed"]) == (200, done[0], "true")
        collection = "holds" if call is _HOLD else "support_tickets"
        assert len(await every(house.store, collection)) == 1

    async def test_without_a_key_it_is_carried_out_each_time(self, house: House) -> None:
        """The control."""
        agent = await house.served()
        answers = await self._at_once(house, agent, _TICKET)
        assert len(await every(house.store, "support_tickets")) == len(answers)

    async def test_a_confirmation_is_charged_once(self, house: House) -> None:
        """The same yes at once and in every process, with and without the key that the agent sends."""
        agent = await house.served()
        quote = await agent.purchase(["A-2-5", "A-2-6"], "ann")
        yes = agent.confirm(quote, "ann")
        answers = await asyncio.gather(*(agent.act(quote, "ann", yes=yes) for _ in range(max(12, house.crowd(50)))))
        codes = {answer.json()["code"] for answer in answers if answer.status_code != 200}
        assert codes <= {"idempotency_in_flight"}
        done = [answer.json() for answer in answers if answer.status_code == 200]
        assert done
        assert all(answer == done[0] for answer in done)
        books = await house.books()
        books.check()
        assert len(books.orders) == len(books.money) == 1
        assert len(await house.published("ticket_purchased")) == 1

    async def test_another_body_is_refused_and_others_keys_are_their_own(self, house: House) -> None:
        agent = await house.served()
        name, wanted = _HOLD
        first = await agent.ok(name, wanted, "ann", Idempotency_Key="k")
        other = await agent.tool(name, {**wanted, "seat_ids": ["A-3-5"]}, "ann", Idempotency_Key="k")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        bobs = await agent.ok(name, {**wanted, "seat_ids": ["A-3-5"]}, "bob", Idempotency_Key="k")
        other_client = {**wanted, "seat_ids": ["A-4-5"]}
        theirs = await agent.ok(name, other_client, "ann", Idempotency_Key="k", Usher_Client="partner")
        assert len({first["hold_id"], bobs["hold_id"], theirs["hold_id"]}) == 3

    async def _die_in_flight(self, house: House, *more: Wrap) -> None:
        """A process takes the key's lease and is killed before it does anything."""
        name, wanted = _HOLD
        deed = partial(ask, name=name, arguments=wanted, customer="ann", headers={"Idempotency_Key": "k"})
        dies = partial(doomed, at="after idempotency", inside=False)
        assert not await perform(house.plan.but(wrap=partial(each, wraps=(*more, dies))), deed)
        assert not (await house.books()).held

    async def test_a_death_in_flight_recovers_with_the_lease(self, house: House) -> None:
        await self._die_in_flight(house)
        agent = await house.served()
        house.clock.advance(_LEASE - timedelta(seconds=1))
        early = await agent.tool(*_HOLD, "ann", Idempotency_Key="k")
        assert (early.status_code, early.json()["code"]) == (409, "idempotency_in_flight")
        house.clock.advance(timedelta(seconds=1))
        answers = await self._at_once(house, agent, _HOLD, Idempotency_Key="k")
        done = [answer.json() for answer in answers if answer.status_code == 200]
        assert done
        assert all(answer == done[0] for answer in done)
        assert len(await every(house.store, "holds")) == 1

    async def test_without_an_end_of_the_lease_it_never_does(self, house: House) -> None:
        """The control."""
        await self._die_in_flight(house, partial(rewritten, rewrite=endless_lease))
        house.clock.advance(timedelta(hours=1))
        agent = await house.served(house.plan)
        late = await agent.tool(*_HOLD, "ann", Idempotency_Key="k")
        assert (late.status_code, late.json()["code"]) == (409, "idempotency_in_flight")

    # 9

    async def test_every_commit_may_lie(self, house: House) -> None:
        """Each commit of a sale in turn succeeds and is reported as failed; asked again: one order, one charge."""
        agent = await house.served(house.plan)
        for number in itertools.count(1):
            customer, seat = f"c{number}", f"A-{number // 10 + 1}-{number % 10 + 1}"
            quote = await agent.purchase([seat], customer)
            yes = agent.confirm(quote, customer)
            async with house.here(house.plan.but(wrap=partial(lying, at=number))) as liar:
                told = await liar.act(quote, customer, yes=yes)
            house.clock.advance(_LEASE)
            answer = await agent.act(quote, customer, yes=yes)
            assert answer.status_code == 200, (number, answer.text)
            if told.status_code == 200:
                break
            assert (told.status_code, told.json()["code"]) == (503, "unavailable")
        assert number > 3
        books = await house.books()
        books.check()
        assert len(books.orders) == len(books.money) == number
        assert len(await house.published("ticket_purchased")) == number

    async def test_who_starts_over_instead_buys_twice(self, house: House) -> None:
        """The control: the same lie, and a customer who repeats the purchase under nothing that names it."""
        agent = await house.served(house.plan)
        quote = await agent.purchase(["A-2-5"], "ann")
        async with house.here(house.plan.but(wrap=partial(lying, at="outbox"))) as liar:
            told = await liar.act(quote, "ann")
        assert told.status_code == 503
        assert (await buy_one(agent, "ann", ["A-2-6"])).status_code == 200
        books = await house.books()
        assert len(books.orders) == len(books.money) == 2

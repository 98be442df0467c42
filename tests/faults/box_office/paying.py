"""Invariants 5 and 11: seats lost while the customer pays, and many changes of one order at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from box_office import Agent, small_catalogue
from faults.box_office.faulty import AllHaveRead, Around, Write, loose
from faults.box_office.house import House
from faults.box_office.processes import Ports, carry_on, perform
from faults.box_office.suite import HouseSuite
from usher_shared.ids import UlidGenerator
from usher_tools.payments.ports import PaymentUnknown

_START = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)  # of the event, 19:30 in Chicago
_TWO_HOURS = timedelta(hours=2)  # before it, refunds end


class Asleep(Around):
    """A provider that does as it is told, and says nothing: to `call` and from then on, until the file is there."""

    def __init__(self, inner: Any, call: str, awake: Path) -> None:
        super().__init__(inner)
        self._call = call
        self._awake = awake

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in (self._call, "find", "void", "capture") or self._awake.exists():
            return method

        async def silent(**wanted: Any) -> Any:
            answer = await method(**wanted) if name in ("authorise", "capture") else None
            if name == "authorise" and self._call != name:
                return answer
            raise PaymentUnknown("silence")

        async def find(key: str, **wanted: Any) -> Any:
            raise PaymentUnknown("silence")

        return find if name in ("find", "void") else silent


def asleep(ports: Ports, *, call: str, awake: Path) -> Ports:
    return Ports(ports.store, Asleep(ports.payments, call, awake), ports.bus)


class Forgetful(Around):
    """A provider that takes no notice of idempotency keys: each call is a new one. It loses the first answer."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._keys: dict[str, str] = {}
        self._lost = False

    async def authorise(self, **wanted: Any) -> Any:
        key = UlidGenerator().new("KEY")
        charge = await self._inner.authorise(**{**wanted, "idempotency_key": key})
        self._keys[charge.id] = key
        return charge

    async def capture(self, *, charge_id: str, idempotency_key: str) -> Any:
        charge = await self._inner.capture(charge_id=charge_id, idempotency_key=self._keys[charge_id])
        if not self._lost:
            self._lost = True
            raise PaymentUnknown("silence")
        return charge


def forgetful(ports: Ports) -> Ports:
    return Ports(ports.store, Forgetful(ports.payments), ports.bus)


def is_claim(write: Write) -> bool:
    return (write.kind, write.collection) == ("create", "payment_intents")


class PayingSuite(HouseSuite):
    # 5

    async def _lapse(self, house: House, tmp_path: Path, call: str) -> tuple[Agent, Any, Any]:
        """Ann pays, the provider falls silent at that call, and her time runs out; an agent, her quote, her yes."""
        awake = tmp_path / "awake"
        agent = await house.served(*[house.plan.but(wrap=partial(asleep, call=call, awake=awake))] * house.site.servers)
        quote = await agent.purchase(["A-2-5", "A-2-6"], "ann")
        yes = agent.confirm(quote, "ann")
        answer = await agent.act(quote, "ann", yes=yes)
        assert (answer.status_code, answer.json()["code"]) == (504, "payment_unknown")
        house.clock.advance(timedelta(seconds=1000))
        return agent, quote, yes

    async def _wake(self, house: House, tmp_path: Path, agent: Agent, quote: Any, yes: Any) -> tuple[int, str]:
        """Now the provider speaks: customer and reconcilers of several processes go on at once; the last answer."""
        (tmp_path / "awake").touch()
        others = [perform(house.plan, carry_on) for _ in range(2)]
        await asyncio.gather(*others, *(agent.act(quote, "ann", yes=yes) for _ in range(4)))
        await perform(house.plan, carry_on)
        house.clock.advance(timedelta(seconds=10))
        answer = await agent.act(quote, "ann", yes=yes)
        return answer.status_code, answer.json().get("code", "")

    @pytest.mark.parametrize(("call", "captured"), [("authorise", 0), ("capture", 26900)])
    async def test_seats_lost_while_paying_are_not_paid_for(
        self, house: House, tmp_path: Path, call: str, captured: int
    ) -> None:
        """What was reserved on the card is let go, what was taken is given back: once, whoever finds out."""
        agent, quote, yes = await self._lapse(house, tmp_path, call)
        await agent.hold(["A-2-6"], "bob")
        status, code = await self._wake(house, tmp_path, agent, quote, yes)
        assert status == 409
        assert code in ("seats_taken", "payment_voided")
        books = await house.books()
        books.check()
        assert books.orders == {}
        assert set(books.held) == {"A-2-6"}
        assert [money.refunded for money in books.money.values()] == ([captured] if captured else [])

    @pytest.mark.parametrize("call", ["authorise", "capture"])
    async def test_seats_still_free_are_taken_again(self, house: House, tmp_path: Path, call: str) -> None:
        agent, quote, yes = await self._lapse(house, tmp_path, call)
        assert await self._wake(house, tmp_path, agent, quote, yes) == (200, "")
        books = await house.books()
        books.check()
        assert len(books.orders) == len(books.money) == 1
        assert set(books.sold) == {"A-2-5", "A-2-6"}

    async def test_without_keys_the_customer_pays_twice(self, house: House) -> None:
        """The control: a provider for which the second try is a new payment."""
        async with house.here(house.plan.but(wrap=forgetful)) as agent:
            quote = await agent.purchase(["A-2-5"], "ann")
            yes = agent.confirm(quote, "ann")
            assert (await agent.act(quote, "ann", yes=yes)).status_code == 504
            house.clock.advance(timedelta(seconds=10))
            assert (await agent.act(quote, "ann", yes=yes)).status_code == 200
        books = await house.books()
        assert len(books.orders) == 1
        assert books.kept == 2 * quote["total_minor"]

    # 11

    async def _quotes(self, house: House, agent: Agent, order_id: str) -> list[Any]:
        """All that ann may want of her order of two, in several ways."""
        both = {"order_id": order_id}
        other = await agent.hold(["A-3-5"], "ann")
        exchanged = {**both, "hold_id": other["hold_id"], "seat_ids": ["B-A-5"]}
        return [
            await agent.quote("refund_order", {**both, "seat_ids": ["B-A-4"]}, "ann"),
            await agent.quote("refund_order", {**both, "seat_ids": ["B-A-5"]}, "ann"),
            await agent.quote("refund_order", both, "ann"),
            await agent.quote("credit_order", {**both, "seat_ids": ["B-A-4"]}, "ann"),
            await agent.quote("upgrade_tickets", {**both, "target_section": "A"}, "ann"),
            await agent.quote("exchange_order", exchanged, "ann"),
        ]

    async def test_changes_at_once_never_give_back_more_than_was_paid(self, house: House) -> None:
        """Refunds, credit, an upgrade and an exchange of one order, each confirmed, each sent three times at once."""
        await house.open(everything_allowed())
        agent = await house.served()
        for _ in range(2 if house.site.crowd == 1 else 1):
            order = await agent.buy(["B-A-4", "B-A-5"], "ann")
            yeses = [
                (quote, agent.confirm(quote, "ann")) for quote in await self._quotes(house, agent, order["order_id"])
            ]
            answers = await asyncio.gather(*(agent.act(quote, "ann", yes=yes) for quote, yes in yeses * 3))
            assert max(Counter(a.status_code for a in answers)) < 500
            house.clock.advance(timedelta(seconds=10))
            for quote, yes in yeses:  # in turn, so that whatever can be done is done
                answer = await agent.act(quote, "ann", yes=yes)
                assert answer.status_code in (200, 404, 409), answer.text
            async with house.here() as office:
                await office.recover()
            books = await house.books()
            books.check()
            assert all(money.refunded <= money.captured for money in books.money.values())
            for order_view in (await agent.ok("list_orders", {"customer_id": "ann"}, "ann"))["orders"]:
                if order_view["seats"]:
                    back = await agent.quote("refund_order", {"order_id": order_view["order_id"]}, "ann")
                    assert (await agent.act(back, "ann")).status_code == 200
            house.clock.advance(timedelta(seconds=1000))
        books = await house.books()
        books.check()
        assert not books.sold

    async def test_without_the_transaction_one_seat_is_given_back_twice(self, house: House) -> None:
        """The control: two refunds of one of two seats, both decided before either is written."""
        order = await self._buy(house)
        gate = AllHaveRead(2, is_claim)
        async with house.here(house.plan.but(wrap=loose(gate))) as agent:
            agent.confirmation_ids = iter(("one", "two"))
            wanted = {"order_id": order["order_id"], "seat_ids": ["A-2-5"]}
            quotes = [await agent.quote("refund_order", wanted, "ann") for _ in range(2)]

            async def refund(quote: Any) -> int:
                answer = await agent.act(quote, "ann")
                gate.leave()
                return int(answer.status_code)

            assert await asyncio.gather(*map(refund, quotes)) == [200, 200]
        books = await house.books()
        (money,) = books.money.values()
        assert money.refunded == 2 * -quotes[0]["total_minor"]
        assert set(books.sold) == {"A-2-6"}

    @staticmethod
    async def _buy(house: House) -> Any:
        async with house.here() as office:
            return await office.buy(["A-2-5", "A-2-6"], "ann")

    @pytest.mark.parametrize("seconds", [-1, 0, 1])
    async def test_the_edge_of_the_policy(self, house: House, seconds: int) -> None:
        """To the second: at the quote, and again when it is carried out."""
        order = await self._buy(house)
        agent = await house.served(house.plan)
        wanted = {"action": "refund_order", "arguments": {"order_id": order["order_id"], "seat_ids": ["A-2-5"]}}
        house.clock.set(_START - _TWO_HOURS - timedelta(minutes=1))
        early = (await agent.tool("quote", wanted, "ann")).json()
        house.clock.set(_START - _TWO_HOURS + timedelta(seconds=seconds))
        quoted = await agent.tool("quote", wanted, "ann")
        acted = await agent.act(early, "ann")
        expected = (409, "outside_policy") if seconds > 0 else (200, None)
        assert [(a.status_code, a.json().get("code")) for a in (quoted, acted)] == [expected] * 2
        (await house.books()).check()

    async def test_a_clock_that_is_behind_allows_it_longer(self, house: House) -> None:
        """The control: the edge is the clock's."""
        order = await self._buy(house)
        agent = await house.served(house.plan.but(skew=timedelta(seconds=-1)))
        house.clock.set(_START - _TWO_HOURS + timedelta(seconds=1))
        quoted = await agent.quote("refund_order", {"order_id": order["order_id"]}, "ann")
        assert (await agent.act(quoted, "ann")).status_code == 200


def everything_allowed() -> dict[str, Any]:
    catalogue = small_catalogue()
    for event in catalogue["events"]:
        event["policies"] = {what: {"until_hours_before": 1} for what in ("refund", "exchange", "credit", "upgrade")}
    return catalogue

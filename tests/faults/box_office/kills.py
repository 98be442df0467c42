"""Invariants 7, 8 and 12: a process is killed with SIGKILL at any point of its work."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from box_office import small_catalogue
from faults.box_office.faulty import Around, doomed, torn, without_outbox
from faults.box_office.house import House
from faults.box_office.processes import Wrap, carry_out, perform
from faults.box_office.suite import HouseSuite
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.events.service import EventSink
from usher_logger.warehouse.model import EventRow
from usher_shared.clock import SystemClock
from usher_shared.contracts.confirmations import Confirmation
from usher_shared.ids import UlidGenerator

_LEASE = timedelta(seconds=10)  # longer than a dead process's idempotency lease


async def try_to(house: House, wrap: Wrap, quote: dict[str, Any], yes: Confirmation, customer: str) -> bool:
    """Carry a yes out in a process of its own; whether that process survived."""
    return await perform(house.plan.but(wrap=wrap), partial(carry_out, quote=quote, yes=yes, customer=customer))


async def until(happened: Callable[[], bool]) -> None:
    """Until another process has done something that can be seen."""
    async with asyncio.timeout(30):
        while True:
            if happened():
                return
            await asyncio.sleep(0.01)  # no event of another process reaches here


class Forgetful(Around):
    """A subscriber's store that does not know events by their id."""

    async def append(self, rows: list[EventRow]) -> None:
        ids = UlidGenerator()
        for row in rows:
            await self._inner.append([replace(row, id=ids.new("ROW"))])


async def rows_of(folder: Path, house: House, wrap: Callable[[Any], Any] = lambda warehouse: warehouse) -> int:
    """Deliver all that was published to the warehouse's subscriber, in order; the rows it then has."""
    warehouse = DuckDbWarehouse(folder / "warehouse.duckdb")
    sink = EventSink(wrap(warehouse), SystemClock(), linger_seconds=0, batch_size=10)
    try:
        for event in house.bus.events():
            await sink.record(event)
        await sink.stop()
        everything = {"order_id": None, "conversation_id": None, "limit": 100}
        return len(await warehouse.select("rows_events", everything))
    finally:
        await warehouse.close()


class KillsSuite(HouseSuite):
    @pytest.fixture
    async def sale(self, house: House) -> AsyncIterator[tuple[dict[str, Any], Confirmation]]:
        """A quote for a held seat and ann's yes."""
        async with house.here() as office:
            quote = await office.purchase(["A-2-5"], "ann")
            yield quote, office.confirm(quote, "ann")

    # 7

    async def test_what_was_committed_is_published_after_the_restart(self, house: House, sale: Any) -> None:
        lived = await try_to(house, partial(doomed, at="before publish", inside=False), *sale, "ann")
        assert not lived
        assert len((await house.books()).orders) == 1
        assert house.bus.events() == []
        await house.served(house.plan)
        await until(lambda: bool(house.bus.events()))
        (event,) = await house.published("ticket_purchased", repeated=True)
        assert event.data["order_id"] in (await house.books()).orders

    async def test_without_the_outbox_it_is_lost(self, house: House, sale: Any) -> None:
        """The control: publishing after the commit."""
        lived = await try_to(house, partial(without_outbox, at="before publish"), *sale, "ann")
        assert not lived
        assert len((await house.books()).orders) == 1
        assert await house.published("ticket_purchased") == []

    # 8

    async def _publish_twice(self, house: House, sale: Any) -> None:
        lived = await try_to(house, partial(doomed, at="after publish", inside=False), *sale, "ann")
        assert not lived
        assert len(house.bus.events()) == 1
        await house.served(house.plan)
        await until(lambda: len(house.bus.events()) > 1)
        first, second = house.bus.events()
        assert first == second

    async def test_what_is_published_twice_is_applied_once(self, house: House, sale: Any, tmp_path: Path) -> None:
        await self._publish_twice(house, sale)
        assert await rows_of(tmp_path, house) == 1

    async def test_a_subscriber_that_forgets_applies_it_twice(self, house: House, sale: Any, tmp_path: Path) -> None:
        """The control."""
        await self._publish_twice(house, sale)
        assert await rows_of(tmp_path, house, Forgetful) == 2

    # 7 to 9: everywhere in between

    async def test_a_sale_survives_death_at_every_point(self, house: House) -> None:
        """One order, one payment, one event, wherever the process died and the customer asked again."""
        async with house.here() as office:
            for step in itertools.count(1):
                customer, seat = f"c{step}", f"A-{step // 10 + 1}-{step % 10 + 1}"
                quote = await office.purchase([seat], customer)
                yes = office.confirm(quote, customer)
                lived = await try_to(
                    house, partial(doomed, at=step, inside=house.site.may_die_inside), quote, yes, customer
                )
                await office.recover()
                house.clock.advance(_LEASE)
                answer = await office.act(quote, customer, yes=yes)
                assert answer.status_code == 200, (step, answer.text)
                if lived:
                    break
        books = await house.books()
        books.check()
        assert step > 10
        assert len(books.orders) == len(books.money) == step
        events = await house.published("ticket_purchased")
        assert sorted(event.data["order_id"] for event in events) == sorted(books.orders)

    # 12

    async def _seated(self, house: House, order_id: str) -> tuple[set[str], set[str]]:
        """The seats that stand in the order's name, and those that the order says it has."""
        books = await house.books()
        return {s for s, id in books.sold.items() if id == order_id}, {s.id for s in books.orders[order_id].seats}

    async def test_an_upgrade_survives_death_at_every_point(self, house: House) -> None:
        """At no moment has the customer no seat, or two; asked again, the upgrade is made."""
        catalogue = small_catalogue()
        catalogue["venues"][0]["sections"][1]["rows"] = [{"from": "A", "to": "F", "seats": 8}]
        await house.open(catalogue)
        async with house.here() as office:
            for step in itertools.count(1):
                customer, old = f"c{step}", f"B-{'ABCDEF'[step // 8]}-{step % 8 + 1}"
                order_id = (await office.buy([old], customer))["order_id"]
                wanted = {"order_id": order_id, "target_section": "A"}
                quote = await office.quote("upgrade_tickets", wanted, customer)
                yes = office.confirm(quote, customer)
                lived = await try_to(
                    house, partial(doomed, at=step, inside=house.site.may_die_inside), quote, yes, customer
                )
                in_rows, on_order = await self._seated(house, order_id)
                assert in_rows == on_order, step
                assert on_order in ({old}, {quote["seats"][0]["id"]}), step
                await office.recover()
                house.clock.advance(_LEASE)
                answer = await office.act(quote, customer, yes=yes)
                assert answer.status_code == 200, (step, answer.text)
                in_rows, on_order = await self._seated(house, order_id)
                assert in_rows == on_order == {quote["seats"][0]["id"]}, step
                if lived:
                    break
        books = await house.books()
        books.check()
        assert step > 10
        assert len(await house.published("ticket_upgraded")) == step

    async def test_a_swap_in_two_steps_leaves_two_seats(self, house: House) -> None:
        """The control: the writes of the swap one by one, and death after the first."""
        async with house.here() as office:
            order_id = (await office.buy(["B-A-4"], "ann"))["order_id"]
            quote = await office.quote("upgrade_tickets", {"order_id": order_id, "target_section": "A"}, "ann")
            yes = office.confirm(quote, "ann")
        assert not await try_to(house, torn, quote, yes, "ann")
        in_rows, on_order = await self._seated(house, order_id)
        assert on_order == {"B-A-4"}
        assert in_rows == {"B-A-4", quote["seats"][0]["id"]}

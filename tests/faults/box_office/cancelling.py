"""A cancelled event's refunds: killed at any point, done by several processes at once, all money back once."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from functools import partial
from typing import Any

from faults.box_office.faulty import Around, doomed
from faults.box_office.house import House
from faults.box_office.processes import Here, Ports, perform
from faults.box_office.suite import HouseSuite
from usher_shared.ids import UlidGenerator
from usher_tools.cancellations.model import CancellationView
from usher_tools.cancellations.service import CancellationDesk, cancel_event, get_cancellation

_LEASE = timedelta(minutes=2)  # longer than a dead worker's
_REASON = "The hall is flooded."


async def refund_round(office: Here) -> None:
    """What a process does for cancelled events, once."""
    await CancellationDesk(office.app.state.office).round()
    await office.app.state.office.outbox.publish_pending()


class Forgetful(Around):
    """A provider that is asked under another key each time, as by a job that keeps no intents."""

    async def refund(self, **wanted: Any) -> Any:
        return await self._inner.refund(**{**wanted, "idempotency_key": UlidGenerator().new("KEY")})


def forgetful(ports: Ports) -> Ports:
    return Ports(ports.store, Forgetful(ports.payments), ports.bus)


async def _sell(house: House, orders: int) -> None:
    async with house.here() as office:
        for number in range(orders):
            await office.buy([f"A-{number // 10 + 1}-{number % 10 + 1}"], f"c{number}")
        await cancel_event("tonight", _REASON, house.store, house.clock)


async def _progress(house: House) -> CancellationView:
    return await get_cancellation("tonight", house.store)


async def _check_done(house: House, orders: int) -> None:
    progress = await _progress(house)
    assert (progress.status, progress.refunded, progress.failed) == ("done", orders, 0)
    books = await house.books()
    books.check()
    assert books.sold == {}
    assert books.kept == 0
    assert [money.refunded for money in books.money.values()] == [13450] * orders
    events = await house.published("ticket_refunded")
    assert sorted(event.data["order_id"] for event in events) == sorted(books.orders)


class CancellingSuite(HouseSuite):
    async def test_refunds_survive_death_after_death(self, house: House) -> None:
        """Each process dies three steps later than the one before; the last one lives."""
        orders = house.crowd(6)
        await _sell(house, orders)
        for step in itertools.count(2, 3):
            dying = partial(doomed, at=step, inside=house.site.may_die_inside)
            lived = await perform(house.plan.but(wrap=dying), refund_round)
            house.clock.advance(_LEASE)
            if lived and (await _progress(house)).status == "done":
                break
            books = await house.books()
            assert all(money.refunded <= money.captured for money in books.money.values())
        assert step > 3
        await _check_done(house, orders)

    async def test_processes_at_once(self, house: House) -> None:
        """Their clocks are hours apart, so that none respects another's lease."""
        orders = house.crowd(12)
        await _sell(house, orders)
        plans = [house.plan.but(skew=timedelta(hours=hours)) for hours in range(3)]
        assert all(await asyncio.gather(*(perform(plan, refund_round) for plan in plans)))
        house.clock.advance(timedelta(hours=4))
        assert await perform(house.plan, refund_round)
        await _check_done(house, orders)

    async def test_without_the_intent_money_goes_back_and_the_tickets_stay(self, house: House) -> None:
        """The control: killed after the provider, and asked again under another key."""
        await _sell(house, 1)
        dying = partial(doomed, at="after refund", inside=False)
        assert not await perform(house.plan.but(wrap=dying), refund_round)
        house.clock.advance(_LEASE)
        assert await perform(house.plan.but(wrap=forgetful), refund_round)
        progress = await _progress(house)
        assert (progress.refunded, progress.failed) == (0, 1)
        assert (await house.books()).faults()

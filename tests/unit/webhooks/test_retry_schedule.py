from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from usher_shared.clock import ManualClock, from_timestamp
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.ids import UlidGenerator
from usher_shared.outbox import Outbox
from usher_webhooks.deliveries.model import Answer, Delivery
from usher_webhooks.deliveries.queue import DeliveryQueue
from usher_webhooks.deliveries.schedule import RetrySchedule
from usher_webhooks.settings import Settings
from usher_webhooks.subscriptions.model import Subscription

SVIX = (5, 300, 1800, 7200, 18000, 36000, 36000)
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def test_the_default_schedule_is_kept_by_the_clock(open_service, endpoint, purchase) -> None:
    endpoint.answer(500)
    clock = ManualClock(NOW)
    waits: list[float] = []
    async with open_service(clock=clock, retry_seconds=Settings().retry_seconds, sweep_seconds=0.01) as service:
        made = await service.register(endpoint.url)
        await service.push(purchase())
        for tries in range(1, len(SVIX) + 1):
            (delivery,) = await service.until(made["webhook_id"], lambda d, n=tries: len(d[0]["attempts"]) == n)
            wait = from_timestamp(delivery["next_attempt_at"]) - clock.now()
            waits.append(wait.total_seconds())
            clock.advance(wait)
        (delivery,) = await service.settled(made["webhook_id"], "failed")
    assert len(delivery["attempts"]) == 8
    for wait, planned in zip(waits, SVIX, strict=True):
        assert planned * 0.8 <= wait <= planned * 1.2


async def test_nothing_is_taken_before_it_is_due_nor_twice(tmp_path, purchase, silent_bus) -> None:
    store = SqliteDocumentStore(tmp_path / "webhooks.db")
    clock = ManualClock(NOW)
    schedule = RetrySchedule((60,), 0.0, 3600)
    queues = [
        DeliveryQueue(
            store,
            Outbox(store, silent_bus),
            clock=clock,
            ids=UlidGenerator(),
            schedule=schedule,
            rng=random.Random(1),
            lease=timedelta(seconds=20),
        )
        for _ in range(2)
    ]
    webhook = Subscription("WHK_1", "venue", "https://example.com/", ("*",), None, "active", NOW, "whsec_AAAA")
    await store.create("webhooks", webhook.id, webhook.to_document())
    delivery = Delivery.of("DLV_1", webhook.id, purchase(), NOW + timedelta(seconds=1), timedelta(days=1))
    await store.create("webhook_deliveries", delivery.id, delivery.to_document())

    early = await queues[0].take(webhook.id, 4)
    assert (early.deliveries, early.next_at) == ([], NOW + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))
    taken = await asyncio.gather(*[queue.take(webhook.id, 4) for queue in queues])
    assert sorted(len(due.deliveries) for due in taken) == [0, 1]
    (mine,) = [d for due in taken for d in due.deliveries]
    await queues[0].settle(mine, clock.now(), Answer(500, "answered 500", 1.0))
    assert (await queues[1].take(webhook.id, 4)).next_at == clock.now() + timedelta(seconds=60)
    await store.close()


def test_waits_are_spread_and_retry_after_lengthens_them_within_its_bound() -> None:
    schedule = RetrySchedule(SVIX, 0.2, 3600)
    rng = random.Random(1)
    failed = Answer(500, "answered 500", 1.0)
    waits = [schedule.next_wait(2, failed, rng) for _ in range(200)]
    seconds = [wait.total_seconds() for wait in waits if wait is not None]
    assert len(seconds) == 200
    assert min(seconds) >= 240
    assert max(seconds) <= 360
    assert max(seconds) - min(seconds) > 80
    for asked, low, high in ((100, 100, 100), (10**9, 3600, 3600), (0, 4, 6), (1, 4, 6)):
        wait = schedule.next_wait(1, Answer(429, "answered 429", 1.0, float(asked)), rng)
        assert wait is not None
        assert low <= wait.total_seconds() <= high
    assert schedule.next_wait(8, failed, rng) is None
    assert schedule.next_wait(1, Answer(410, "answered 410", 1.0), rng) is None
    assert RetrySchedule((), 0.2, 3600).next_wait(1, failed, rng) is None


@pytest.mark.parametrize(("asked", "within"), [("60", (60, 60)), ("999999999", (3600, 3600))])
async def test_retry_after_is_honoured_within_a_bound(open_service, endpoint, purchase, asked, within) -> None:
    endpoint.answer(429, headers={"Retry-After": asked})
    clock = ManualClock(NOW)
    async with open_service(clock=clock) as service:
        made = await service.register(endpoint.url)
        await service.push(purchase())
        (delivery,) = await service.attempted(made["webhook_id"])
        wait = (from_timestamp(delivery["next_attempt_at"]) - clock.now()).total_seconds()
        assert within[0] <= wait <= within[1]


async def test_an_attempt_cut_off_by_a_crash_is_made_again_when_its_lease_ends(
    open_service, endpoint, purchase
) -> None:
    clock = ManualClock(NOW)
    never = asyncio.Event()

    async def respond(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    endpoint.respond = respond
    async with open_service(clock=clock) as service:
        made = await service.register(endpoint.url)
        await service.push(purchase())
        await endpoint.next()
    endpoint.answer(200)
    async with open_service(clock=clock, sweep_seconds=0.01) as service:
        (delivery,) = await service.deliveries(made["webhook_id"])
        assert (delivery["status"], delivery["attempts"]) == ("pending", [])
        clock.advance(from_timestamp(delivery["next_attempt_at"]) - NOW)
        await service.settled(made["webhook_id"], "delivered")
    never.set()


async def test_an_endpoint_that_keeps_failing_is_asked_one_at_a_time(open_service, endpoint, purchase) -> None:
    under_way = 0
    most: list[int] = []
    failing = True

    async def respond(_: web.Request) -> web.Response:
        nonlocal under_way
        under_way += 1
        most.append(under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return web.Response(status=500 if failing else 200)

    endpoint.respond = respond
    async with open_service(retry_seconds=(0.01,) * 50, breaker_failures=3, concurrency_per_webhook=4) as service:
        made = await service.register(endpoint.url)
        for n in range(10):
            await service.push(purchase(f"EVT_{n}"))
        await service.until(made["webhook_id"], lambda d: sum(len(x["attempts"]) for x in d) > 30)
        assert max(most[15:]) == 1
        failing = False
        await service.settled(made["webhook_id"], *["delivered"] * 10)

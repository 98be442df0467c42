"""The RequestCounter contract on a real redis-server; many gateways on one; what an outage looks like."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from contracts.limits.suite import Bench, RequestCounterSuite, fresh_key
from emulators.redis import RedisServer, redis_process, redis_server
from usher_gateway.adapters.counters import WindowCounter
from usher_gateway.limiting.ports import CounterFailed
from usher_gateway.limiting.service import RateLimiter

PATIENT = 10.0  # seconds; a busy test machine is no outage


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with redis_server() as address:
        yield address


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_process() as process:
        yield process


class TestRedisCounter(RequestCounterSuite):
    @pytest.fixture
    async def bench(self, url: str) -> AsyncIterator[Bench]:
        counters: list[WindowCounter] = []
        redis = Redis.from_url(url)
        await redis.ping()

        def opened() -> WindowCounter:
            counters.append(WindowCounter(url, timeout_seconds=PATIENT))
            return counters[-1]

        async def age(seconds: float) -> None:
            async for key in redis.scan_iter("*usher:limits*"):
                left = await redis.pttl(key) - int(seconds * 1000)
                await (redis.pexpire(key, left) if left > 0 else redis.delete(key))

        yield Bench(opened, age)
        for counter in counters:
            await counter.close()
        await redis.aclose()

    async def test_gateways_share_one_limit(self, bench: Bench) -> None:
        one, other, key = bench.open(), bench.open(), fresh_key()

        found = await asyncio.gather(*(counter.count(key, 5) for counter in (one, other) for _ in range(10)))

        assert sum(a.allowed for a in found) == 5

    async def test_more_at_once_than_connections_wait_for_one(self, bench: Bench) -> None:
        counter, key = bench.open(), fresh_key()

        found = await asyncio.gather(*(counter.count(key, 1000) for _ in range(300)))

        assert all(a.allowed for a in found)


async def test_killed_and_started_again(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    shared = WindowCounter(server.url, timeout_seconds=PATIENT)
    limiter = RateLimiter(shared, WindowCounter("memory://"), default_per_minute=2, retry_seconds=0)

    async def hits(count: int, *, read: bool) -> list[bool]:
        return [(await limiter.hit("k", None, read=read)).allowed for _ in range(count)]

    with caplog.at_level(logging.INFO, "usher_shared.outage"):
        assert await hits(3, read=True) == [True, True, False]
        server.kill()
        assert await hits(5, read=True) == [True] * 5  # uncounted
        assert await hits(3, read=False) == [True, True, False]  # counted here
        with pytest.raises(CounterFailed):
            await shared.ping()
        assert [(r.levelname, r.message) for r in caplog.records] == [
            ("ERROR", "rate limit store failed: reads pass, writes are limited here")
        ]
        server.start()
        assert await hits(3, read=False) == [True, True, False]  # it lost what it had counted
        await shared.ping()
    assert [(r.levelname, r.message) for r in caplog.records[1:]] == [("INFO", "rate limit store is back")]
    await shared.close()


async def test_a_restart_between_two_requests_is_no_outage(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    shared = WindowCounter(server.url, timeout_seconds=PATIENT)
    limiter = RateLimiter(shared, WindowCounter("memory://"), default_per_minute=2)
    await limiter.hit("k", None, read=True)

    server.kill()
    server.start()  # the connection that the counter keeps is broken now

    assert (await limiter.hit("k", None, read=True)).remaining == 1
    assert not caplog.records
    await shared.close()


async def test_a_frozen_server_holds_nobody_up(server: RedisServer) -> None:
    """The calls return while the server still stands: the wait is the counter's own, not the server's."""
    counter = WindowCounter(server.url, timeout_seconds=0.05)
    server.freeze()
    found = await asyncio.gather(*(counter.count("k", 100) for _ in range(100)), return_exceptions=True)
    assert {type(answer) for answer in found} == {CounterFailed}
    with pytest.raises(CounterFailed):
        await counter.ping()
    limiter = RateLimiter(counter, WindowCounter("memory://"), default_per_minute=1, retry_seconds=3600)
    assert [(await limiter.hit("w", None, read=False)).allowed for _ in range(3)] == [True, False, False]

    server.thaw()
    patient = WindowCounter(server.url, timeout_seconds=PATIENT)
    assert (await patient.count("k", 100)).allowed
    await counter.close()
    await patient.close()

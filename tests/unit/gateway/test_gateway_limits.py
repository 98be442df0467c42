"""Rate limits: who is counted as whom, what the headers say, what happens without the counter's store."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from limits.aio.storage import MemoryStorage

from usher_gateway.adapters.counters import WindowCounter
from usher_gateway.limiting.model import Allowance
from usher_gateway.limiting.ports import CounterFailed
from usher_gateway.limiting.service import RateLimiter


async def test_a_key_has_its_own_limit_and_the_answers_say_what_is_left(gateway: Any) -> None:
    key = await gateway.key("orders", requests_per_minute=3)
    other = await gateway.key("orders", requests_per_minute=3)

    answers = [await gateway.call("GET", "/orders", headers=key) for _ in range(4)]

    assert [status for status, _, _ in answers] == [200, 200, 200, 429]
    assert [headers["RateLimit"].split(";")[1] for _, headers, _ in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert {headers["RateLimit-Policy"] for _, headers, _ in answers} == {'"default";q=3;w=60'}
    refused = answers[3]
    assert 1 <= int(refused[1]["Retry-After"]) <= 60
    assert refused[2]["code"] == "rate_limited"
    assert (await gateway.call("GET", "/orders", headers=other))[0] == 200


async def test_errors_and_unknown_paths_count_and_carry_the_headers(gateway: Any) -> None:
    key = await gateway.key("orders", requests_per_minute=2)

    forbidden = await gateway.call("GET", "/stats", headers=key)
    unknown = await gateway.call("GET", "/nowhere", headers=key)
    over = await gateway.call("GET", "/nowhere", headers=key)

    assert (forbidden[0], unknown[0], over[0]) == (403, 404, 429)
    assert "RateLimit" in forbidden[1]
    assert "RateLimit" in unknown[1]


async def test_an_address_without_credentials_is_limited(start: Any) -> None:
    async with start(requests_per_minute=2) as gateway:
        statuses = [(await gateway.call("GET", "/orders"))[0] for _ in range(3)]
        guess = await gateway.call("GET", "/orders", headers={"X-API-Key": "usk_guess"})
        known = await gateway.call("GET", "/orders", headers=await gateway.key())
        health = await gateway.call("GET", "/health")

    assert statuses == [401, 401, 429]
    assert (guess[0], known[0], health[0]) == (429, 200, 200)


async def test_behind_proxies_the_address_is_the_one_that_they_saw(start: Any) -> None:
    async with start(requests_per_minute=1, trusted_proxies=1) as gateway:

        async def visit(forwarded: str) -> int:
            status: int = (await gateway.call("GET", "/orders", headers={"X-Forwarded-For": forwarded}))[0]
            return status

        assert await visit("198.51.100.1") == 401
        assert await visit("198.51.100.2") == 401
        assert await visit("203.0.113.9, 198.51.100.1") == 429  # what the client itself wrote is not believed


class Counter:
    """A shared counter that can be down."""

    def __init__(self) -> None:
        self.down = True
        self._counter = WindowCounter("memory://")

    async def count(self, key: str, per_minute: int) -> Allowance:
        if self.down:
            raise CounterFailed("no store")
        return await self._counter.count(key, per_minute)


async def test_without_the_store_reads_pass_and_writes_are_limited_here(caplog: pytest.LogCaptureFixture) -> None:
    shared = Counter()
    limiter = RateLimiter(shared, WindowCounter("memory://"), default_per_minute=2, retry_seconds=0)

    async def hit(*, read: bool) -> bool:
        return (await limiter.hit("k", None, read=read)).allowed

    with caplog.at_level(logging.INFO):
        assert [await hit(read=True) for _ in range(5)] == [True] * 5
        assert [await hit(read=False) for _ in range(3)] == [True, True, False]
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        shared.down = False
        assert [await hit(read=True) for _ in range(3)] == [True, True, False]

    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_a_failed_store_is_left_alone_for_a_while() -> None:
    shared = Counter()
    limiter = RateLimiter(shared, WindowCounter("memory://"), default_per_minute=1, retry_seconds=3600)
    await limiter.hit("k", None, read=True)
    shared.down = False

    assert [(await limiter.hit("k", None, read=False)).allowed for _ in range(2)] == [True, False]


async def test_a_storage_that_does_not_answer_is_a_failed_counter() -> None:
    class Closed(MemoryStorage):
        STORAGE_SCHEME = None  # type: ignore[assignment]  # not to be found by any URI

        async def get(self, key: str) -> int:
            raise ConnectionError("closed")

    counter = WindowCounter("memory://")
    counter._limiter.storage = Closed()
    with pytest.raises(CounterFailed, match="closed"):
        await counter.count("k", 1)


@pytest.mark.parametrize("uri", ["carrier-pigeon://", "", "memory"])
def test_an_unknown_storage_is_refused_at_start(uri: str) -> None:
    with pytest.raises(ValueError, match="no rate limit storage"):
        WindowCounter(uri)

"""Gateways over HTTP with a real redis-server between them, and without it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from emulators.redis import RedisServer, redis_process


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_process() as process:
        yield process


async def well(gateway: Any) -> None:
    """Wait until the gateway reaches Redis."""
    async with asyncio.timeout(10):
        while {(await gateway.call("GET", "/ready"))[2]["checks"][name] for name in ("limits", "cache")} != {"ok"}:
            pass


async def test_two_gateways_share_limits_and_answers(start: Any, server: RedisServer) -> None:
    shared = {"limit_storage": server.url, "cache_storage": server.url, "catalogue_seconds": 60, "redis_seconds": 5}
    async with start(**shared) as one, start(**shared) as other:
        key = await one.key("chat", requests_per_minute=4)

        answers = [await gateway.call("GET", "/events", headers=key) for gateway in (one, other, one, other, one)]

        assert [status for status, _, _ in answers] == [200, 200, 200, 200, 429]
        assert [headers["RateLimit"].split(";")[1] for _, headers, _ in answers] == ["r=3", "r=2", "r=1", "r=0", "r=0"]
        assert 1 <= int(answers[-1][1]["Retry-After"]) <= 60
        assert len(one.tools.calls) + len(other.tools.calls) == 1


@pytest.mark.parametrize("stop", ["kill", "freeze"])
async def test_without_redis_reads_pass_writes_are_limited_and_ready_says_so(
    start: Any, server: RedisServer, stop: str
) -> None:
    async with start(limit_storage=server.url, cache_storage=server.url) as gateway:
        key = await gateway.key("chat", requests_per_minute=2)
        await well(gateway)
        getattr(server, stop)()

        reads = [(await gateway.call("GET", "/events", headers=key))[0] for _ in range(5)]
        writes = [
            (await gateway.call("POST", "/chat", headers=key, json={"message": "hi", "customer_id": "ada"}))[0]
            for _ in range(3)
        ]
        down = await gateway.call("GET", "/ready")

        assert reads == [200] * 5
        assert writes[2] == 429
        assert 429 not in writes[:2]
        assert (down[0], down[2]["status"]) == (200, "ready")
        assert down[2]["checks"]["limits"] == "degraded: CounterFailed: does not answer"
        assert down[2]["checks"]["cache"] == "degraded: CacheFailed: does not answer"

        if stop == "kill":
            server.start()
        else:
            server.thaw()
        await well(gateway)

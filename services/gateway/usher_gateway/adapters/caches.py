"""AnswerCache in this process and in Redis."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from usher_gateway.adapters.redis_client import SCHEMES, connection_pool
from usher_gateway.catalogue.ports import AnswerCache, CacheFailed

_PREFIX = "usher:answers:"


class MemoryAnswerCache:
    """Of this process alone; the oldest of more than `capacity` answers goes first."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._answers: dict[str, tuple[float, bytes]] = {}  # oldest first

    async def get(self, key: str) -> bytes | None:
        until, value = self._answers.get(key, (0.0, b""))
        return value if time.monotonic() < until else None

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        self._answers.pop(key, None)
        if len(self._answers) >= self._capacity:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = (time.monotonic() + seconds, value)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class RedisAnswerCache:
    """Shared by all gateways. A call takes at most `timeout_seconds`. Raises ValueError for a URI that is none."""

    def __init__(self, uri: str, *, timeout_seconds: float = 0.1) -> None:
        from redis.asyncio import Redis

        self._timeout_seconds = timeout_seconds
        self._redis: Any = Redis.from_pool(connection_pool(uri, timeout_seconds))

    async def _call(self, command: str, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._redis.execute_command(command, *arguments)
        except Exception as error:
            raise CacheFailed(f"{type(error).__name__}: {error}") from error

    async def get(self, key: str) -> bytes | None:
        kept: bytes | None = await self._call("GET", _PREFIX + key)
        return kept

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        await self._call("SET", _PREFIX + key, value, "PX", max(int(seconds * 1000), 1))

    async def ping(self) -> None:
        try:
            await self._call("PING")
        except CacheFailed as error:  # what it says may name hosts, and anyone may read /ready
            raise CacheFailed("does not answer") from error

    async def close(self) -> None:
        await self._redis.aclose()


def answer_cache(uri: str, *, timeout_seconds: float = 0.1) -> AnswerCache:
    """`memory://`, or Redis (see `redis_client`). Raises ValueError for any other."""
    if uri == "memory://":
        return MemoryAnswerCache()
    if uri.startswith(SCHEMES):
        return RedisAnswerCache(uri, timeout_seconds=timeout_seconds)
    raise ValueError(f"no answer cache at {uri.partition(':')[0]!r}: memory:// or redis://")

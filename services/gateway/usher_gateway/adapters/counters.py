"""RequestCounter over the `limits` library: a sliding window a minute long, in this process or in Redis."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from usher_gateway.adapters.redis_client import SCHEMES, connection_pool
from usher_gateway.limiting.model import WINDOW_SECONDS, Allowance
from usher_gateway.limiting.ports import CounterFailed


class WindowCounter:
    """Of a storage URI: `memory://`, or Redis (see `redis_client`). Raises ValueError for one that is none.

    A count takes at most `timeout_seconds`, however silent the storage is.
    """

    def __init__(self, uri: str, *, timeout_seconds: float = 0.1) -> None:
        self._timeout_seconds = timeout_seconds
        self._pool: Any = None
        options: dict[str, Any] = {}
        try:
            if uri.startswith(SCHEMES):
                self._pool = connection_pool(uri, timeout_seconds)
                options = {"implementation": "redispy", "connection_pool": self._pool, "key_prefix": "usher:limits"}
            storage = storage_from_string(f"async+{uri}", **options)
        except Exception as error:  # the libraries raise their own kinds, without a common base
            # the URI may hold a password
            raise ValueError(f"no rate limit storage at {uri.partition(':')[0]!r}: {type(error).__name__}") from None
        if not isinstance(storage, Storage):
            raise ValueError(f"no asynchronous rate limit storage at {uri.partition(':')[0]!r}")
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def count(self, key: str, per_minute: int) -> Allowance:
        item = RateLimitItemPerMinute(per_minute)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                allowed = await self._limiter.hit(item, key)
                stats = await self._limiter.get_window_stats(item, key)
        except Exception as error:  # each storage raises the errors of its own client
            raise CounterFailed(f"{type(error).__name__}: {error}") from error
        reset = stats.reset_time - time.time()
        if not 0 < reset < WINDOW_SECONDS:  # of a window that begins now the library says that it ends now
            reset = float(WINDOW_SECONDS)
        return Allowance(allowed, per_minute, stats.remaining if allowed else 0, reset)

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                well = await self._limiter.storage.check()
        except Exception as error:  # what it says may name hosts, and anyone may read /ready
            raise CounterFailed("does not answer") from error
        if not well:
            raise CounterFailed("does not answer")

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

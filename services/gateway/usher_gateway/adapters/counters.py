"""RequestCounter over the `limits` library: a sliding window a minute long in any storage that it knows."""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from usher_gateway.limiting.model import WINDOW_SECONDS, Allowance
from usher_gateway.limiting.ports import CounterFailed


class WindowCounter:
    """Of a `limits` storage URI (`memory://`, `redis://host:6379`). Raises ValueError for one that is none."""

    def __init__(self, uri: str) -> None:
        try:
            storage = storage_from_string(uri if uri.startswith("async+") else f"async+{uri}")
        except Exception as error:  # the library raises its own kinds, without a common base
            raise ValueError(f"no rate limit storage at {uri!r}: {error}") from error
        if not isinstance(storage, Storage):
            raise ValueError(f"no asynchronous rate limit storage at {uri!r}")
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def count(self, key: str, per_minute: int) -> Allowance:
        item = RateLimitItemPerMinute(per_minute)
        try:
            allowed = await self._limiter.hit(item, key)
            stats = await self._limiter.get_window_stats(item, key)
        except Exception as error:  # each storage raises the errors of its own client
            raise CounterFailed(repr(error)) from error
        reset = min(max(stats.reset_time - time.time(), 0.0), float(WINDOW_SECONDS))
        return Allowance(allowed, per_minute, stats.remaining if allowed else 0, reset)

"""Rate limits, counted in a store that all gateways share, or in this process.

While the shared store fails, reads pass uncounted and writes are counted in this process; the log says so once,
and once more when the store is back.
"""

from __future__ import annotations

from usher_gateway.limiting.model import Allowance
from usher_gateway.limiting.ports import CounterFailed, RequestCounter
from usher_shared.outage import Outage


class RateLimiter:
    """`here` counts in this process; a failed shared counter is tried again after `retry_seconds`."""

    def __init__(
        self, shared: RequestCounter, here: RequestCounter, *, default_per_minute: int, retry_seconds: float = 2.0
    ) -> None:
        self._shared = shared
        self._here = here
        self._default = default_per_minute
        self._outage = Outage(
            "rate limit store failed: reads pass, writes are limited here", "rate limit store is back", retry_seconds
        )

    async def hit(self, key: str, per_minute: int | None, *, read: bool) -> Allowance:
        """Count one request of `key`; `per_minute` None is the default limit."""
        limit = per_minute or self._default
        if not self._outage.holds():
            try:
                allowance = await self._shared.count(key, limit)
            except CounterFailed as error:
                self._outage.note_failure(error)
            else:
                self._outage.note_success()
                return allowance
        if read:
            return Allowance(True, limit, limit, 0)
        return await self._here.count(key, limit)

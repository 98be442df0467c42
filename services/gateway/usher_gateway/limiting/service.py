"""Rate limits, counted in a store that all gateways share, or in this process.

While the shared store fails, reads pass uncounted and writes are counted in this process; the log says so once,
and once more when the store is back.
"""

from __future__ import annotations

import logging
import time

from usher_gateway.limiting.model import Allowance
from usher_gateway.limiting.ports import CounterFailed, RequestCounter

_LOG = logging.getLogger(__name__)


class RateLimiter:
    """`here` counts in this process; a failed shared counter is tried again after `retry_seconds`."""

    def __init__(
        self, shared: RequestCounter, here: RequestCounter, *, default_per_minute: int, retry_seconds: float = 2.0
    ) -> None:
        self._shared = shared
        self._here = here
        self._default = default_per_minute
        self._retry_seconds = retry_seconds
        self._failed_until: float | None = None  # None while the shared store is well

    async def hit(self, key: str, per_minute: int | None, *, read: bool) -> Allowance:
        """Count one request of `key`; `per_minute` None is the default limit."""
        limit = per_minute or self._default
        if self._failed_until is None or time.monotonic() >= self._failed_until:
            try:
                allowance = await self._shared.count(key, limit)
            except CounterFailed as error:
                self._note_failure(error)
            else:
                self._note_success()
                return allowance
        if read:
            return Allowance(True, limit, limit, 0)
        return await self._here.count(key, limit)

    def _note_failure(self, error: CounterFailed) -> None:
        if self._failed_until is None:
            _LOG.error("rate limit store failed: reads pass, writes are limited here", extra={"error": str(error)})
        self._failed_until = time.monotonic() + self._retry_seconds

    def _note_success(self) -> None:
        if self._failed_until is not None:
            _LOG.info("rate limit store is back")
            self._failed_until = None

"""Where requests are counted."""

from __future__ import annotations

from typing import Protocol

from usher_gateway.limiting.model import Allowance


class CounterFailed(Exception):
    """The counter's store does not answer."""


class RequestCounter(Protocol):
    async def count(self, key: str, per_minute: int) -> Allowance:
        """Count one request of `key`, unless it is over the limit. Raises CounterFailed."""
        ...

    async def ping(self) -> None:
        """Return if the store answers; raise CounterFailed otherwise."""
        ...

    async def close(self) -> None: ...

"""Where answers are kept for the next caller."""

from __future__ import annotations

from typing import Protocol


class CacheFailed(Exception):
    """The cache's store does not answer."""


class AnswerCache(Protocol):
    async def get(self, key: str) -> bytes | None:
        """What was put under `key`, while it is fresh. Raises CacheFailed."""
        ...

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep `value` for `seconds`, or shorter. Raises CacheFailed."""
        ...

    async def ping(self) -> None:
        """Return if the store answers; raise CacheFailed otherwise."""
        ...

    async def close(self) -> None: ...

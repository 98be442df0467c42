"""Reads that are the same for every caller, kept for a moment: a crowd's browsing costs the box office one read.

At most one read of a key is under way in a process. A failing cache is a miss, never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from usher_gateway.catalogue.ports import AnswerCache, CacheFailed
from usher_shared.outage import Outage

_LARGEST = 1 << 18  # bytes; what is larger is not kept


class SharedReads:
    """Answers are kept for `seconds`; 0 keeps none. A failed cache is tried again after `retry_seconds`."""

    def __init__(self, cache: AnswerCache, *, seconds: float, retry_seconds: float = 2.0) -> None:
        self._cache = cache
        self._seconds = seconds
        self._outage = Outage("catalogue cache failed: every read is a miss", "catalogue cache is back", retry_seconds)
        self._under_way: dict[str, asyncio.Task[bytes]] = {}

    async def read(self, key: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        """The kept answer of `key`, or what `load` answers. Raises what `load` raises; failures are not kept."""
        if not self._seconds:
            return await load()
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key, load))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._finish(key, done))
        return await asyncio.shield(task)  # a caller that leaves does not take the others' answer along

    def _finish(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # seen, even when every caller has left

    async def _read(self, key: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        kept = await self._get(key)
        if kept is not None:
            return kept
        answer = await load()
        if len(answer) <= _LARGEST:
            await self._put(key, answer)
        return answer

    async def _get(self, key: str) -> bytes | None:
        if self._outage.holds():
            return None
        try:
            kept = await self._cache.get(key)
        except CacheFailed as error:
            self._outage.note_failure(error)
            return None
        self._outage.note_success()
        return kept

    async def _put(self, key: str, answer: bytes) -> None:
        if self._outage.holds():
            return
        try:
            await self._cache.put(key, answer, self._seconds)
        except CacheFailed as error:
            self._outage.note_failure(error)
        else:
            self._outage.note_success()

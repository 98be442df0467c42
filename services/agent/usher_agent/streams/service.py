"""A conversation's stored frames: replayed, and followed where a turn is running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from usher_agent.streams.log import FRAMES, NumberedFrame, RunLog
from usher_agent.streams.model import Frame
from usher_shared.documents import DocumentStore, Filter, Query

_PAGE = 50
_REMOTE_POLL_SECONDS = 0.5


class FrameStore:
    """The stored frames of conversations."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def read(self, conversation_id: str, after: int) -> AsyncIterator[NumberedFrame]:
        """Every stored frame above `after`, in order."""
        async for document in self._documents(conversation_id, after):
            for number, frame in enumerate(document["frames"], document["first"]):
                if number > after:
                    yield number, frame

    async def read_run(self, conversation_id: str, after: int) -> tuple[list[Frame], dict[str, str]]:
        """The stored frames above `after`, and what their new tokens for personal data stand for."""
        frames: list[Frame] = []
        personal: dict[str, str] = {}
        async for document in self._documents(conversation_id, after):
            frames += document["frames"][max(after + 1 - document["first"], 0) :]
            personal |= document.get("personal", {})
        return frames, personal

    async def _documents(self, conversation_id: str, after: int) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = await self._store.query(
                Query(
                    FRAMES,
                    (Filter("conversation_id", "==", conversation_id), Filter("last", ">", after)),
                    order_by="last",
                    limit=_PAGE,
                    after=cursor,
                )
            )
            for document in page.documents:
                yield document.data
            cursor = page.next_cursor
            if cursor is None:
                return

    async def follow(
        self,
        conversation_id: str,
        after: int,
        *,
        local: Callable[[], RunLog | None],
        remote: Callable[[], Awaitable[bool]],
        heartbeat_seconds: float,
    ) -> AsyncIterator[NumberedFrame | None]:
        """Replay, then follow the running turn to its end.

        `local` is this process's run of the conversation; `remote()` is awaited to learn whether another
        process runs one, whose frames are then read from the store as they come.
        """
        silent = 0.0
        while True:
            running = local()
            elsewhere = running is None and await remote()
            async for number, frame in self.read(conversation_id, after):
                after, silent = number, 0.0
                yield number, frame
            if running is not None and running.first <= after + 1:
                async for numbered in running.follow(after, heartbeat_seconds):
                    if numbered is not None:
                        after = numbered[0]
                    yield numbered
                if not running.lost:
                    return
                continue
            if running is None and not elsewhere:
                return
            await asyncio.sleep(_REMOTE_POLL_SECONDS)
            silent += _REMOTE_POLL_SECONDS
            if silent >= heartbeat_seconds:
                silent = 0.0
                yield None

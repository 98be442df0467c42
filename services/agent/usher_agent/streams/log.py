"""The frames of a run: numbered, stored, then shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from usher_agent.streams.model import Frame, custom, text_content, text_end, text_start
from usher_shared.clock import to_timestamp
from usher_shared.documents import DocumentStore, Filter, Query, Transaction

FRAMES = "agent_frames"

NumberedFrame = tuple[int, Frame]


class RunLog:
    """The frames of one run, from `first` on. `emit` gathers, `flush` stores and then shows them.

    Frames that were not flushed are handed to the transaction that ends the run (`record`), and shown after it
    (`publish`). One task writes; any number follow.
    """

    def __init__(
        self, store: DocumentStore, conversation_id: str, run_id: str, first: int, expires_at: datetime
    ) -> None:
        self._store = store
        self._conversation_id = conversation_id
        self._run_id = run_id
        self._expires_at = to_timestamp(expires_at)
        self._first = first
        self._shown: list[Frame] = []
        self._pending: list[Frame] = []
        self._open_text: str | None = None
        self._changed = asyncio.Event()
        self._dirty = asyncio.Event()
        self._storing = asyncio.Lock()
        self._sealed = False
        self.closed = False
        self.show: Callable[[str], str] | None = None  # puts in what tokens in a spoken text stand for

    @property
    def first(self) -> int:
        return self._first

    @property
    def last(self) -> int:
        """The number of the last frame that was shown; `first - 1` when none was."""
        return self._first + len(self._shown) - 1

    def emit(self, *frames: Frame) -> None:
        self._pending += frames
        self._dirty.set()

    def speak(self, message_id: str, delta: str) -> None:
        """Text of a message; starts the message, and grows the last frame while that was not yet stored."""
        if not delta:
            return
        if self.show is not None:
            delta = self.show(delta)
        if self._open_text != message_id:
            self.end_text()
            self._open_text = message_id
            self._pending.append(text_start(message_id))
        last = self._pending[-1] if self._pending else None
        if last and last["type"] == "TEXT_MESSAGE_CONTENT" and last["messageId"] == message_id:
            last["delta"] += delta
        else:
            self._pending.append(text_content(message_id, delta))
        self._dirty.set()

    def end_text(self) -> None:
        if self._open_text is not None:
            self.emit(text_end(self._open_text))
            self._open_text = None

    def withdraw(self, message_id: str | None) -> None:
        """End a message that will not be completed, be it another process's: what it says is said anew elsewhere."""
        if message_id is not None:
            self._open_text = None
            self.emit(text_end(message_id), custom("withdrawn", {"message_id": message_id}))

    def _batch(self, frames: list[Frame]) -> tuple[str, dict[str, Any]]:
        first = self.last + 1
        return f"{self._conversation_id}:{first:012d}", {
            "conversation_id": self._conversation_id,
            "run_id": self._run_id,
            "first": first,
            "last": first + len(frames) - 1,
            "frames": frames,
            "expires_at": self._expires_at,
        }

    async def flush(self) -> None:
        """Store what was gathered, then show it."""
        async with self._storing:
            if self._sealed or not self._pending:
                return
            frames, self._pending = self._pending, []
            id, document = self._batch(frames)
            try:
                await self._store.create(FRAMES, id, document)
            except BaseException:
                self._pending = frames + self._pending
                raise
            self._show(frames)

    async def flush_regularly(self, seconds: float) -> None:
        """Until cancelled: store what comes, at most once in that time."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await asyncio.shield(self.flush())
            await asyncio.sleep(seconds)

    async def seal(self) -> None:
        """Return once no flush is under way nor will be: what is left goes into the run's last transaction."""
        async with self._storing:
            self._sealed = True

    async def break_off(self, frame: Frame) -> None:
        """End a run whose last transaction failed: drop what it would have stored, and say so in its stead."""
        self._sealed = False
        self._pending = [frame]
        await self.flush()

    def record(self, tx: Transaction) -> int:
        """Write the remaining frames in the run's last transaction; the number of the last one."""
        if not self._pending:
            return self.last
        id, document = self._batch(self._pending)
        tx.set(FRAMES, id, document)
        last: int = document["last"]
        return last

    def publish(self) -> None:
        """Show what `record` stored."""
        frames, self._pending = self._pending, []
        self._show(frames)

    def close(self) -> None:
        self.closed = True
        self._changed.set()

    def _show(self, frames: list[Frame]) -> None:
        self._shown += frames
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def follow(self, after: int, heartbeat_seconds: float) -> AsyncIterator[NumberedFrame | None]:
        """Frames above `after` (not below `first - 1`) as they are stored, to the end; None when long silent."""
        while True:
            changed = self._changed
            while after < self.last:
                after += 1
                yield after, self._shown[after - self._first]
            if self.closed:
                return
            if changed is not self._changed:
                continue
            try:
                await asyncio.wait_for(changed.wait(), heartbeat_seconds)
            except TimeoutError:
                yield None


async def last_frame(tx: Transaction, conversation_id: str) -> int:
    """The highest frame number stored for the conversation, 0 for none."""
    page = await tx.query(
        Query(FRAMES, (Filter("conversation_id", "==", conversation_id),), order_by="last", descending=True, limit=1)
    )
    return int(page.documents[0].data["last"]) if page.documents else 0

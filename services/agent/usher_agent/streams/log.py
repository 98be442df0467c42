"""The frames of a run: numbered, stored, then shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from usher_agent.conversations.model import LeaseLost
from usher_agent.streams.model import Frame, custom, text_content, text_end, text_start
from usher_shared.clock import to_timestamp
from usher_shared.documents import AlreadyExists, DocumentStore, Filter, Query, Transaction
from usher_shared.errors import UsherError
from usher_shared.personal import Vault

FRAMES = "agent_frames"

NumberedFrame = tuple[int, Frame]
_Batch = tuple[str, dict[str, Any]]  # a document of FRAMES with its id
_PAUSES = (0.05, 0.2, 0.5)
_LOG = logging.getLogger(__name__)


class RunLog:
    """The frames of one run, from `first` on. `emit` gathers, `flush` stores and then shows them.

    Frames that were not flushed are handed to the transaction that ends the run (`record`), and shown after it
    (`publish`). One task writes; any number follow. A batch whose write failed may be stored all the same: it is
    written again as it was, before anything else. Where another process's frames stand instead, the run is `lost`.
    """

    def __init__(
        self,
        store: DocumentStore,
        conversation_id: str,
        run_id: str,
        first: int,
        expires_at: datetime,
        *,
        vault: Vault,
    ) -> None:
        """`vault` has what tokens in a spoken text stand for; what it learns is stored with the frames."""
        self._store = store
        self._conversation_id = conversation_id
        self._run_id = run_id
        self._expires_at = to_timestamp(expires_at)
        self._first = first
        self._shown: list[Frame] = []
        self._pending: list[Frame] = []
        self._unsure: _Batch | None = None
        self._recorded: _Batch | None = None
        self._open_text: str | None = None
        self._changed = asyncio.Event()
        self._dirty = asyncio.Event()
        self._storing = asyncio.Lock()
        self._sealed = False
        self.closed = False
        self.lost = False
        self.vault = vault
        self._known = len(self.vault.values)

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
        delta = self.vault.show(delta)
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

    def _take_pending(self, first: int) -> _Batch:
        """What is pending, as the document to be stored; from then on it is pending no more."""
        frames, self._pending = self._pending, []
        document = {
            "conversation_id": self._conversation_id,
            "run_id": self._run_id,
            "first": first,
            "last": first + len(frames) - 1,
            "frames": frames,
            "expires_at": self._expires_at,
        }
        return f"{self._conversation_id}:{first:012d}", document

    async def flush(self) -> None:
        """Store what was gathered, then show it. What the store does not take now, it gets with the next.

        Raises LeaseLost.
        """
        try:
            await self._flush()
        except LeaseLost:
            raise
        except UsherError as error:
            _LOG.warning("frames were not stored", extra={"run_id": self._run_id, "code": error.code})
            self._dirty.set()

    async def secure(self) -> None:
        """As flush, for what has to be stored before the turn goes on. Raises what the store raises in the end."""
        for pause in _PAUSES:
            try:
                await self._flush()
            except LeaseLost:
                raise
            except UsherError:
                await asyncio.sleep(pause)
            else:
                return
        await self._flush()

    async def _flush(self) -> None:
        async with self._storing:
            while not self._sealed and (self._unsure is not None or self._pending):
                if self.lost:
                    raise LeaseLost
                again = self._unsure is not None
                if self._unsure is None:
                    self._unsure = self._take_pending(self.last + 1)
                    self._add_learnt(self._unsure[1])
                id, document = self._unsure
                try:
                    await self._store.create(FRAMES, id, document)
                except AlreadyExists:
                    stored = await self._store.get(FRAMES, id) if again else None
                    if stored is None or not _is_same(stored, document):
                        self.lose()
                        raise LeaseLost from None
                self._unsure = None
                self._show(document["frames"])

    def _add_learnt(self, document: dict[str, Any]) -> None:
        """What new tokens stand for: whoever takes the turn up finds them in its frames, and has to know."""
        if len(self.vault.values) > self._known:
            document["personal"] = dict(list(self.vault.values.items())[self._known :])
            self._known = len(self.vault.values)

    def lose(self) -> None:
        """Another process goes on with the run: whoever follows finds its frames in the store."""
        self.lost = True
        self.close()

    async def flush_regularly(self, seconds: float) -> None:
        """Until cancelled: store what comes, at most once in that time."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await asyncio.shield(self.flush())
            except LeaseLost:
                return
            await asyncio.sleep(seconds)

    async def seal(self) -> None:
        """Return once no flush is under way nor will be: what is left goes into the run's last transaction.

        Raises LeaseLost.
        """
        async with self._storing:
            self._sealed = True
        if self.lost:
            raise LeaseLost

    async def break_off(self, frame: Frame) -> None:
        """End a run whose last transaction failed: drop what it would have stored, and say so in its stead."""
        self._sealed = False
        self._recorded = None
        self._pending = [frame]
        await self.flush()

    async def record(self, tx: Transaction) -> int:
        """Write the remaining frames in the run's last transaction; the number of the last one.

        Raises LeaseLost where another process's frames stand. May be called again, when the transaction is.
        """
        if self._recorded is None and self._pending:
            first = self._unsure[1]["last"] + 1 if self._unsure is not None else self.last + 1
            self._recorded = self._take_pending(first)
        last = self.last
        stored = await tx.get(FRAMES, self._unsure[0]) if self._unsure is not None else None
        if self._unsure is not None:
            id, document = self._unsure
            if stored is None:
                tx.create(FRAMES, id, document)
            elif not _is_same(stored, document):
                raise LeaseLost
            last = document["last"]
        if self._recorded is not None:
            id, document = self._recorded
            tx.create(FRAMES, id, document)
            last = document["last"]
        return last

    def publish(self) -> None:
        """Show what `record` stored."""
        for batch in (self._unsure, self._recorded):
            if batch is not None:
                self._show(batch[1]["frames"])
        self._unsure = self._recorded = None

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


def _is_same(stored: dict[str, Any], document: dict[str, Any]) -> bool:
    return all(stored.get(name) == document[name] for name in ("run_id", "last", "frames"))


async def last_frame(tx: Transaction, conversation_id: str) -> int:
    """The highest frame number stored for the conversation, 0 for none."""
    page = await tx.query(
        Query(FRAMES, (Filter("conversation_id", "==", conversation_id),), order_by="last", descending=True, limit=1)
    )
    return int(page.documents[0].data["last"]) if page.documents else 0

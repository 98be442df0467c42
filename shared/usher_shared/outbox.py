"""The outbox: state and its announcement in one transaction, published afterwards, at least once.

`add` writes the event beside the state; the relay publishes at once after the commit (`nudge`) and again from a
sweep, so that a process killed between commit and publish loses nothing: the event leaves after the restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from usher_shared.bus import EventBus
from usher_shared.clock import to_timestamp
from usher_shared.documents import DocumentStore, Query, Transaction
from usher_shared.events import Event

_LOG = logging.getLogger(__name__)
_BATCH = 100
_STOP_SECONDS = 3.0


def pause_seconds(failures: int) -> float:
    """The pause after that many failures in a row, from 1."""
    return float(min(0.1 * 2 ** min(failures, 10), 5.0))


def record(tx: Transaction, event: Event) -> None:
    """Put the event into the store's outbox, in the caller's transaction; the service that owns the store publishes."""
    document = {"created_at": to_timestamp(event.time), "event": event.model_dump(mode="json", exclude_none=True)}
    tx.create("outbox", event.id, document)


class Outbox:
    """One per service; `start` it in the lifespan, `stop` it there (which publishes what is left)."""

    def __init__(self, store: DocumentStore, bus: EventBus, *, sweep_seconds: float = 2.0) -> None:
        self._store = store
        self._bus = bus
        self._sweep_seconds = sweep_seconds
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, tx: Transaction, event: Event) -> None:
        """Record the event in the caller's transaction. Call `nudge` after the commit."""
        record(tx, event)

    def nudge(self) -> None:
        """Something was committed: publish without waiting for the sweep."""
        self._wake.set()

    @contextlib.contextmanager
    def nudging(self) -> Iterator[None]:
        """`with outbox.nudging(): await store.transaction(...)`: nudges when the block succeeded."""
        yield
        self.nudge()

    async def start(self) -> None:
        self._stopping.clear()
        self._wake.set()  # whatever an earlier process left
        self._task = asyncio.create_task(self._relay(), name="outbox-relay")

    async def stop(self) -> None:
        """Publish what is left, for a moment; what stays in the outbox leaves after the next start."""
        if self._task is None:
            return
        self._stopping.set()
        self._wake.set()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._task
        except TimeoutError:
            _LOG.warning("outbox not empty at stop: the bus does not answer")

    async def publish_pending(self) -> int:
        """Publish everything recorded, oldest first; the number published. Raises what the bus raises."""
        published = 0
        while True:
            page = await self._store.query(Query("outbox", order_by="created_at", limit=_BATCH))
            if not page.documents:
                return published
            await self._bus.publish([Event.model_validate(d.data["event"]) for d in page.documents])
            ids = [d.id for d in page.documents]

            async def forget(tx: Transaction, ids: list[str] = ids) -> None:
                for id in ids:
                    tx.delete("outbox", id)

            await self._store.transaction(forget)
            published += len(ids)

    async def _relay(self) -> None:
        failures = 0
        while True:
            await _wait(self._wake, self._sweep_seconds)
            self._wake.clear()
            try:
                await self.publish_pending()
                failures = 0
            except Exception as error:  # any failure leaves the events in place: the next round tries again
                failures += 1
                if failures in (1, 10) or failures % 100 == 0 or self._stopping.is_set():
                    _LOG.warning("publishing failed", extra={"error": repr(error), "failures": failures})
                if not self._stopping.is_set():
                    await _wait(self._stopping, pause_seconds(failures))
                    self._wake.set()
                    continue
            if self._stopping.is_set():
                return


async def _wait(signal: asyncio.Event, seconds: float) -> None:
    """Until it is set, at most that long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await signal.wait()

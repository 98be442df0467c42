"""The outbox: what is committed is announced, at least once, whatever dies in between."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from usher_shared.documents import Transaction
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import Unavailable
from usher_shared.events import Event
from usher_shared.events.catalogue import ErrorOccurred
from usher_shared.events.envelope import event
from usher_shared.outbox import Outbox, pause_seconds

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def announcement(n: int) -> Event:
    return event(
        id=f"EVT_{n:04d}",
        type="usher.error_occurred.v1",
        source="usher/tools",
        time=START + timedelta(milliseconds=n),
        data=ErrorOccurred(service="tools", code="c", detail=str(n)),
        ordering_key="k",
    )


class MemoryBus:
    """An EventBus that keeps what it takes. The first `refusals` publish calls fail."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.ids: list[str] = []
        self.changed = asyncio.Condition()

    async def publish(self, events: Sequence[Event]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("the bus is down")
        self.ids += [e.id for e in events]
        async with self.changed:
            self.changed.notify_all()

    async def until(self, count: int) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(self.ids) >= count), 20)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteDocumentStore]:
    store = SqliteDocumentStore(tmp_path / "tools.db")
    yield store
    await store.close()


async def commit(store: SqliteDocumentStore, outbox: Outbox, *numbers: int) -> None:
    async def fn(tx: Transaction) -> None:
        for n in numbers:
            outbox.add(tx, announcement(n))

    with outbox.nudging():
        await store.transaction(fn)


async def test_what_is_committed_is_published_in_order_and_once(store: SqliteDocumentStore) -> None:
    bus = MemoryBus()
    outbox = Outbox(store, bus, sweep_seconds=3600)
    await outbox.start()
    for n in range(10):
        await commit(store, outbox, 2 * n, 2 * n + 1)
    await bus.until(20)
    await outbox.stop()
    assert bus.ids == [f"EVT_{n:04d}" for n in range(20)]
    assert await outbox.publish_pending() == 0


async def test_what_is_not_committed_is_not_published(store: SqliteDocumentStore) -> None:
    bus = MemoryBus()
    outbox = Outbox(store, bus)

    async def fn(tx: Transaction) -> None:
        outbox.add(tx, announcement(1))
        raise LookupError

    with pytest.raises(LookupError), outbox.nudging():
        await store.transaction(fn)
    assert await outbox.publish_pending() == 0
    assert bus.ids == []


async def test_a_backlog_of_many_batches_leaves_in_order(store: SqliteDocumentStore) -> None:
    bus = MemoryBus()
    outbox = Outbox(store, bus)
    await commit(store, outbox, *range(250))
    assert await outbox.publish_pending() == 250
    assert bus.ids == [f"EVT_{n:04d}" for n in range(250)]


async def test_a_bus_that_is_down_gets_the_events_when_it_is_back(store: SqliteDocumentStore) -> None:
    bus = MemoryBus(refusals=2)
    outbox = Outbox(store, bus, sweep_seconds=3600)
    await commit(store, outbox, 1, 2)
    await outbox.start()
    await bus.until(2)
    await outbox.stop()
    assert bus.ids == ["EVT_0001", "EVT_0002"]


async def test_the_sweep_finds_what_nobody_nudged_for(store: SqliteDocumentStore) -> None:
    bus = MemoryBus()
    outbox = Outbox(store, bus, sweep_seconds=0.01)
    await outbox.start()

    async def fn(tx: Transaction) -> None:
        outbox.add(tx, announcement(1))

    await store.transaction(fn)
    await bus.until(1)
    await outbox.stop()


async def test_stopping_publishes_what_is_left(store: SqliteDocumentStore) -> None:
    bus = MemoryBus()
    outbox = Outbox(store, bus, sweep_seconds=3600)
    await outbox.start()
    await commit(store, outbox, 1)
    await outbox.stop()
    assert bus.ids == ["EVT_0001"]


async def test_stopping_while_the_bus_is_down_keeps_the_events(store: SqliteDocumentStore) -> None:
    outbox = Outbox(store, MemoryBus(refusals=1000))
    await outbox.start()
    await commit(store, outbox, 1)
    await outbox.stop()
    bus = MemoryBus()
    assert await Outbox(store, bus).publish_pending() == 1
    assert bus.ids == ["EVT_0001"]


def test_the_pause_grows_to_five_seconds_and_stays_there() -> None:
    assert pause_seconds(1) == pytest.approx(0.2)
    assert pause_seconds(10) == 5.0
    assert pause_seconds(1_000_000) == 5.0  # a bus that was down for months


# a child that commits, then meets a bus that never lets go: it prints where it stands and waits to be killed
_CHILD = """
import asyncio, sys
from pathlib import Path
from datetime import UTC, datetime
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events.catalogue import ErrorOccurred
from usher_shared.events.envelope import event
from usher_shared.outbox import Outbox

class Bus:
    async def publish(self, events):
        if sys.argv[2] == "before":
            print("publishing", flush=True)
            await asyncio.Event().wait()
        print(*(e.id for e in events), flush=True)

async def main():
    store = SqliteDocumentStore(Path(sys.argv[1]))
    outbox = Outbox(store, Bus())
    async def fn(tx):
        outbox.add(tx, event(id="EVT_0001", type="usher.error_occurred.v1", source="usher/tools",
            time=datetime.now(UTC), data=ErrorOccurred(service="tools", code="c", detail="d")))
    await store.transaction(fn)
    if sys.argv[2] == "after":  # the publication goes out, its record never gets away
        async def never(fn):
            await asyncio.Event().wait()
        store.transaction = never
    await outbox.publish_pending()

asyncio.run(main())
"""


def killed_child(path: Path, moment: str) -> str:
    """What the child told before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path), moment], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = child.stdout.readline().strip()
        child.send_signal(signal.SIGKILL)
    return told


@pytest.mark.parametrize(("moment", "told"), [("before", "publishing"), ("after", "EVT_0001")])
async def test_a_kill_around_publishing_loses_nothing(tmp_path: Path, moment: str, told: str) -> None:
    path = tmp_path / "tools.db"
    assert killed_child(path, moment) == told
    store = SqliteDocumentStore(path)
    bus = MemoryBus()
    outbox = Outbox(store, bus)
    await outbox.start()  # the restarted service
    await bus.until(1)
    await outbox.stop()
    # published again under the same id: that is what consumers deduplicate on
    assert bus.ids == ["EVT_0001"]
    await store.close()

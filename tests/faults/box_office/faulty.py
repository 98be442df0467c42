"""Ports that fail, and ports without what protects the box office: the latter are for control runs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from faults.box_office.processes import Ports, Wrap, die
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Unavailable
from usher_shared.events import Event


@dataclass(frozen=True)
class Write:
    kind: str
    collection: str
    id: str
    data: dict[str, Any] | None = None

    def make(self, target: Any) -> Any:
        """On a transaction, or on a store and then awaited."""
        given = (self.collection, self.id) if self.data is None else (self.collection, self.id, self.data)
        return getattr(target, self.kind)(*given)


class Around:
    """Everything as the port behind it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Recorder(Around):
    """A transaction that remembers what it is told to write instead of writing."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.writes: list[Write] = []

    def create(self, collection: str, id: str, data: Any) -> None:
        self.writes.append(Write("create", collection, id, data))

    def set(self, collection: str, id: str, data: Any) -> None:
        self.writes.append(Write("set", collection, id, data))

    def delete(self, collection: str, id: str) -> None:
        self.writes.append(Write("delete", collection, id))


Work = Callable[[Any], Awaitable[Any]]


class Rewritten(Around):
    """A store whose transactions write what `rewrite` makes of their writes; None is left out."""

    def __init__(self, inner: DocumentStore, rewrite: Callable[[Write], Write | None]) -> None:
        super().__init__(inner)
        self._rewrite = rewrite

    async def transaction(self, fn: Work) -> Any:
        async def rewritten(tx: Transaction) -> Any:
            recorder = Recorder(tx)
            result = await fn(recorder)
            for write in recorder.writes:
                changed = self._rewrite(write)
                if changed is not None:
                    changed.make(tx)
            return result

        return await self._inner.transaction(rewritten)


def rewritten(ports: Ports, *, rewrite: Callable[[Write], Write | None]) -> Ports:
    return replace(ports, store=Rewritten(ports.store, rewrite))  # type: ignore[arg-type]


def names(writes: Sequence[Write]) -> str:
    """The collections of a transaction, for a label."""
    return "+".join(sorted({write.collection for write in writes})) or "nothing"


# death


class Doom:
    """Kills the process at a step of its work, by number (from 1) or by name. Each commit and each call of provider or
    bus is three steps: before it, inside it (a transaction that is open), after it."""

    def __init__(self, at: int | str, *, inside: bool) -> None:
        self._at = at
        self._inside = inside
        self._steps = itertools.count(1)

    def step(self, moment: str, what: str) -> None:
        if moment == "inside" and not self._inside:
            return
        if self._at in (next(self._steps), f"{moment} {what}"):
            die()


class DoomedStore(Around):
    def __init__(self, inner: DocumentStore, doom: Doom) -> None:
        super().__init__(inner)
        self._doom = doom

    async def transaction(self, fn: Work) -> Any:
        done = ""

        async def watched(tx: Transaction) -> Any:
            nonlocal done
            recorder = Recorder(tx)
            result = await fn(recorder)
            for write in recorder.writes:
                write.make(tx)
            done = names(recorder.writes)
            self._doom.step("inside", done)
            return result

        result = await self._inner.transaction(watched)
        self._doom.step("after", done)
        return result


class DoomedCalls(Around):
    def __init__(self, inner: Any, doom: Doom) -> None:
        super().__init__(inner)
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if name in ("close", "ping"):
            return call

        async def watched(*given: Any, **wanted: Any) -> Any:
            self._doom.step("before", name)
            answer = await call(*given, **wanted)
            self._doom.step("after", name)
            return answer

        return watched


def doomed(ports: Ports, *, at: int | str, inside: bool) -> Ports:
    doom = Doom(at, inside=inside)
    return Ports(DoomedStore(ports.store, doom), DoomedCalls(ports.payments, doom), DoomedCalls(ports.bus, doom))


# lies


class LyingStore(Around):
    """One commit succeeds and is reported as failed: the one of that number (from 1), or the first that writes to that
    collection."""

    def __init__(self, inner: DocumentStore, at: int | str) -> None:
        super().__init__(inner)
        self._at = at
        self._commits = 0

    async def transaction(self, fn: Work) -> Any:
        written: set[str] = set()

        async def watched(tx: Transaction) -> Any:
            recorder = Recorder(tx)
            result = await fn(recorder)
            written.clear()
            for write in recorder.writes:
                write.make(tx)
                written.add(write.collection)
            return result

        result = await self._inner.transaction(watched)
        self._commits += 1
        if self._commits == self._at or self._at in written:
            self._at = 0
            raise Unavailable("the store did not say whether it wrote", retry_after_seconds=1)
        return result


def lying(ports: Ports, *, at: int | str) -> Ports:
    return replace(ports, store=LyingStore(ports.store, at))  # type: ignore[arg-type]


def each(ports: Ports, *, wraps: Sequence[Wrap]) -> Ports:
    """One after the other: the last is the outermost."""
    for wrap in wraps:
        ports = wrap(ports)
    return ports


# without protection


Gate = Callable[[Sequence[Write]], Awaitable[None]]


class LooseStore(Around):
    """No transactions: every read sees the moment, every write stands alone, and others come between at the `gate`."""

    def __init__(self, inner: DocumentStore, gate: Gate) -> None:
        super().__init__(inner)
        self._gate = gate

    async def transaction(self, fn: Work) -> Any:
        tx = Recorder(self._inner)
        result = await fn(tx)
        await self._gate(tx.writes)
        for write in tx.writes:
            await write.make(self._inner)
        return result


class AllHaveRead:
    """A gate for writes that `concern` it: all parties have read before the first of them writes, then they go on one
    after another; each calls `leave` when it has done all that it came for."""

    def __init__(self, parties: int, concern: Callable[[Write], bool]) -> None:
        self._barrier = asyncio.Barrier(parties)
        self._turn = asyncio.Lock()
        self._concern = concern

    async def __call__(self, writes: Sequence[Write]) -> None:
        if any(self._concern(write) for write in writes):
            async with asyncio.timeout(60):  # a party that never comes is a fault of the test
                await self._barrier.wait()
                await self._turn.acquire()

    def leave(self) -> None:
        if self._turn.locked():
            self._turn.release()


def loose(gate: Gate) -> Wrap:
    return lambda ports: replace(ports, store=LooseStore(ports.store, gate))


class DirectBus(Around):
    """In place of an outbox: what a transaction announces is published once the commit is through."""

    def __init__(self, store: DocumentStore, bus: Any) -> None:
        self._announced: list[Event] = []
        super().__init__(Rewritten(store, self._take_out))
        self._bus = bus

    def _take_out(self, write: Write) -> Write | None:
        if write.collection != "outbox" or write.data is None:
            return write
        self._announced.append(Event.model_validate(write.data["event"]))
        return None

    async def transaction(self, fn: Work) -> Any:
        self._announced.clear()
        result = await self._inner.transaction(fn)
        if self._announced:
            await self._bus.publish(self._announced)
        return result


def without_outbox(ports: Ports, *, at: str) -> Ports:
    """Publishing after the commit, and dying at that step."""
    bus = DoomedCalls(ports.bus, Doom(at, inside=False))
    return Ports(DirectBus(ports.store, bus), ports.payments, bus)  # type: ignore[arg-type]


class TornStore(Around):
    """Writes one by one, and dies after the first that marks a seat as sold."""

    async def transaction(self, fn: Work) -> Any:
        tx = Recorder(self._inner)
        result = await fn(tx)
        for write in tx.writes:
            await write.make(self._inner)
            taken = (write.data or {}).get("taken", {})
            if write.collection == "seat_rows" and any("order" in state for state in taken.values()):
                die()
        return result


def torn(ports: Ports) -> Ports:
    return replace(ports, store=TornStore(ports.store))  # type: ignore[arg-type]

"""A batch between two artifact stores, for machines that are taken away with their disks.

The input comes to a local folder; every so often the output as far as it goes is put beside its later place, as
`<target>.part`, below a line that notes what makes it: in one object the two never disagree. Another machine goes on
from there. Of two machines at once the later one to put its part stops: each put expects the generation of the one
before.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from usher_inference.batches.files import note_of, part_of, read_note
from usher_inference.batches.model import Progress
from usher_inference.batches.service import Batch, Clerk, Report, run
from usher_shared.artifacts import ArtifactStore, PreconditionFailed
from usher_shared.artifacts.files import replacing
from usher_shared.errors import Conflict, NotFound

_KEEP_SECONDS = 60.0
_LONGEST_NOTE = 64 << 10  # bytes


async def _a_while() -> None:
    await asyncio.sleep(_KEEP_SECONDS)


@dataclass(frozen=True, slots=True)
class Place:
    """An artifact's name in its store."""

    store: ArtifactStore
    name: str


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """`pause` is awaited between two times that the output so far is kept."""

    source: Place
    target: Place
    concurrency: int = 16
    pause: Callable[[], Awaitable[None]] = _a_while


async def run_remote(batch: RemoteBatch, clerk: Clerk, report: Report) -> Progress:
    """As `run`; what is done is kept every so often, and whenever the batch ends in any way but a crash.

    Raises what `run` does, Conflict when another machine answers the same batch, and Unavailable (the store is away).
    """
    with tempfile.TemporaryDirectory(prefix="usher-batch-") as folder:
        local = Batch(Path(folder, "in"), Path(folder, "out"), batch.concurrency)
        try:
            await batch.source.store.get(batch.source.name, local.source)
        except NotFound as error:
            raise NotFound(f"there is no {batch.source.name}", code="batch_input_missing") from error
        kept = _Kept(batch.target, local.target)
        if await kept.is_finished():
            ended = await run(local, clerk, report)  # looks whether it answers this input
            await kept.forget()
            return ended
        await kept.fetch()
        running = asyncio.create_task(run(local, clerk, report))
        keeping = asyncio.create_task(_keep_now_and_then(kept, batch.pause))
        try:
            await asyncio.wait({running, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()  # it ends by an error alone
            ended = await running
        finally:
            for task in (running, keeping):
                task.cancel()
            await asyncio.gather(running, keeping, return_exceptions=True)
            if not local.target.exists():
                await kept.keep()
        await kept.finish()
        return ended


async def _keep_now_and_then(kept: _Kept, pause: Callable[[], Awaitable[None]]) -> None:
    while True:
        await pause()
        await kept.keep()


class _Kept:
    """The output's part in the store. `keep` puts what is written so far, when that is more than last time."""

    def __init__(self, target: Place, local: Path) -> None:
        self._store, self._name = target.store, target.name
        self._local = local
        self._part = part_of(local)
        self._note = note_of(local)
        self._generation = 0
        self._size = 0

    async def is_finished(self) -> bool:
        with suppress(NotFound):
            await self._store.get(self._name, self._local)
            return True
        return False

    async def fetch(self) -> None:
        with suppress(NotFound):
            found = await self._store.get(f"{self._name}.part", self._part)
            self._generation = found.generation
            self._size = await asyncio.to_thread(_take_note, self._part, self._note)

    async def keep(self) -> None:
        size = self._part.stat().st_size if self._part.exists() else 0
        if size <= self._size:
            return
        with tempfile.TemporaryDirectory(dir=self._part.parent) as folder:
            still = Path(folder, "part")  # the part itself grows while it is put
            await asyncio.to_thread(_join, self._note, self._part, still)
            await self._put(f"{self._name}.part", still, self._generation)
        self._size = size

    async def finish(self) -> None:
        await self._put(self._name, self._local, 0)
        await self.forget()

    async def forget(self) -> None:
        await self._store.delete(f"{self._name}.part")

    async def _put(self, name: str, content: Path, expected: int) -> None:
        try:
            put = await self._store.put(name, content, if_generation_match=expected)
        except PreconditionFailed as error:
            raise Conflict(f"another run writes {self._name}", code="batch_running") from error
        self._generation = put.generation


def _join(note: Path, part: Path, target: Path) -> None:
    """The note and the lines below it."""
    with target.open("wb") as sink, part.open("rb") as lines:
        sink.write(note.read_bytes())
        shutil.copyfileobj(lines, sink)


def _take_note(part: Path, note: Path) -> int:
    """The reverse, in place. The size of what stays in `part`: all of it where there is no note."""
    with part.open("rb") as content:
        first = content.readline(_LONGEST_NOTE)
        if read_note(first) is not None:
            note.write_bytes(first)
            with replacing(part) as lines:
                shutil.copyfileobj(content, lines)
    return part.stat().st_size

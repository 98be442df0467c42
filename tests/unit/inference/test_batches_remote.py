"""Batches between artifact stores: kept on the way, taken up by another machine, by one machine at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from usher_inference.batches.model import Line, Progress
from usher_inference.batches.remote import Place, RemoteBatch, run_remote
from usher_inference.batches.service import Clerk, Patience
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.errors import Conflict, NotFound, Unavailable
from usher_shared.ids import SequentialIds

LINES = [{"messages": [f"line {number}"]} for number in range(40)]


class Echo:
    """Answers with what was said; `held` is a line that waits for `gate`, `lost` one from which on nothing comes."""

    def __init__(self, held: str = "", lost: str = "", made_by: str = "echo 1") -> None:
        self.made_by = made_by
        self._held, self._lost = held, lost
        self.gate, self.reached = asyncio.Event(), asyncio.Event()
        self.asked: list[str] = []

    async def answer(self, line: Line) -> dict[str, Any]:
        said = line.asked["messages"][0]
        self.asked.append(said)
        if said == self._held:
            self.reached.set()
            await self.gate.wait()
        if said == self._lost:
            raise Unavailable("away")
        return {"heard": said}


def quiet(_: Progress) -> None: ...


async def never() -> None:
    await asyncio.Event().wait()


def clerk(answers: Echo) -> Clerk:
    return Clerk(answers, SequentialIds(), Patience(attempts=1))


@pytest.fixture
async def store(tmp_path: Path) -> FolderArtifactStore:
    store = FolderArtifactStore(tmp_path / "store")
    await store.put("in/asked.jsonl", "".join(json.dumps(line) + "\n" for line in LINES).encode())
    return store


def between(store: FolderArtifactStore, pause: Callable[[], Awaitable[None]] = never) -> RemoteBatch:
    return RemoteBatch(Place(store, "in/asked.jsonl"), Place(store, "out/answers.jsonl"), 2, pause)


async def content(store: FolderArtifactStore, name: str, tmp_path: Path) -> list[Any]:
    await store.get(name, tmp_path / "read")
    return [json.loads(line) for line in await asyncio.to_thread(_lines, tmp_path / "read")]


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


async def test_the_answers_appear_whole_and_nothing_else_stays(store: FolderArtifactStore, tmp_path: Path) -> None:
    ended = await run_remote(between(store), clerk(Echo()), quiet)
    assert (ended.done, ended.failed) == (40, 0)
    found = await content(store, "out/answers.jsonl", tmp_path)
    assert [each["instance"] for each in found] == LINES
    assert [each.name for each in await store.list("out/")] == ["out/answers.jsonl"]
    await store.put("out/answers.jsonl.part", b"left by a crash at the very end")
    echo = Echo()
    again = await run_remote(between(store), clerk(echo), quiet)
    assert (again.resumed, echo.asked) == (40, [])
    assert [each.name for each in await store.list("out/")] == ["out/answers.jsonl"]


async def test_a_machine_that_vanishes_leaves_what_it_kept(store: FolderArtifactStore, tmp_path: Path) -> None:
    """Its disk and its last word are gone: only what it had put by then counts."""
    echo, kept = Echo(held="line 25"), asyncio.Event()
    rounds = 0

    async def pause() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            await echo.reached.wait()
        else:  # the first time has been put
            kept.set()
            await never()

    first = asyncio.create_task(run_remote(between(store, pause), clerk(echo), quiet))
    await kept.wait()
    [part] = await store.list("out/")
    assert part.name == "out/answers.jsonl.part"
    note, *lines = await content(store, part.name, tmp_path)
    assert note == {"made_by": "echo 1"}
    before = len(lines)
    assert 10 < before <= 25
    other = Echo()  # the first one still runs, but is never heard of again
    ended = await run_remote(between(store), clerk(other), quiet)
    assert (ended.resumed, ended.done) == (before, 40)
    assert other.asked == [f"line {number}" for number in range(before, 40)]
    found = await content(store, "out/answers.jsonl", tmp_path)
    assert [each["instance"] for each in found] == LINES
    echo.gate.set()  # it was not gone after all
    with pytest.raises(Conflict):
        await first
    assert [each["instance"] for each in await content(store, "out/answers.jsonl", tmp_path)] == LINES


async def test_what_is_done_is_kept_when_the_model_goes_away(store: FolderArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await run_remote(between(store), clerk(Echo(lost="line 12")), quiet)
    _, *kept = await content(store, "out/answers.jsonl.part", tmp_path)
    assert len(kept) >= 10
    before = await store.list("out/")
    other = Echo(made_by="echo 2")
    with pytest.raises(Conflict) as refused:
        await run_remote(between(store), clerk(other), quiet)
    assert refused.value.code == "batch_made_by_another"
    assert (other.asked, await store.list("out/")) == ([], before)  # the part's generation too
    ended = await run_remote(between(store), clerk(Echo()), quiet)
    assert (ended.resumed, ended.done) == (len(kept), 40)


async def test_being_stopped_keeps_what_is_done(store: FolderArtifactStore, tmp_path: Path) -> None:
    echo = Echo(held="line 20")
    running = asyncio.create_task(run_remote(between(store), clerk(echo), quiet))
    await echo.reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(await content(store, "out/answers.jsonl.part", tmp_path)) > 10


async def test_another_machines_part_ends_this_one(store: FolderArtifactStore) -> None:
    echo = Echo(held="line 20")

    async def pause() -> None:
        await echo.reached.wait()
        await store.put("out/answers.jsonl.part", b"")

    with pytest.raises(Conflict) as stopped:
        await run_remote(between(store, pause), clerk(echo), quiet)
    assert stopped.value.code == "batch_running"


async def test_without_an_input(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await run_remote(between(FolderArtifactStore(tmp_path / "store")), clerk(Echo()), quiet)

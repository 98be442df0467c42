"""The ArtifactStore contract in a folder, and what several processes and crashes add."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from contracts.artifacts.suite import ArtifactStoreSuite, PreconditionSuite, sha256
from usher_shared.artifacts import ArtifactCorrupt, ArtifactStore
from usher_shared.artifacts.folder import FolderArtifactStore


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]


class TestFolderArtifactStore(ArtifactStoreSuite, PreconditionSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        return FolderArtifactStore(tmp_path / "deep" / "store")

    async def test_nothing_is_left_of_replaced_and_failed_puts(self, store: ArtifactStore, tmp_path: Path) -> None:
        for n in range(3):
            await store.put("a", str(n).encode())
        with pytest.raises(FileNotFoundError):
            await store.put("a", tmp_path / "missing")

        assert len(files(tmp_path)) == 1

    async def test_what_rotted_on_the_disk_is_noticed(self, store: ArtifactStore, tmp_path: Path) -> None:
        await store.put("a", b"content")
        (held,) = files(tmp_path)
        held.write_bytes(b"contend")

        with pytest.raises(ArtifactCorrupt):
            await store.get("a", tmp_path / "target")
        assert not (tmp_path / "target").exists()

    async def test_generations_grow_although_the_clock_is_set_back(
        self, store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = await store.put("a", b"1")
        monkeypatch.setattr(time, "time_ns", lambda: 1_000)
        await store.delete("a")
        second = await store.put("a", b"2")

        assert second.generation > first.generation


WORKER = """
    import asyncio, sys
    from pathlib import Path
    from usher_shared.artifacts import PreconditionFailed
    from usher_shared.artifacts.folder import FolderArtifactStore

    async def main():
        store, target = FolderArtifactStore(Path(sys.argv[1])), Path(sys.argv[2])
        print("ready", flush=True)
        sys.stdin.readline()
        done = 0
        while done < 25:
            found = await store.get("count", target)
            try:
                content = str(int(target.read_bytes()) + 1).encode()
                await store.put("count", content, if_generation_match=found.generation)
                done += 1
            except PreconditionFailed:
                pass

    asyncio.run(main())
"""


async def test_processes_lose_no_update_and_readers_see_whole_artifacts(tmp_path: Path) -> None:
    store = FolderArtifactStore(tmp_path / "store")
    await store.put("count", b"0")
    workers = [started(WORKER, tmp_path / "store", tmp_path / f"worker-{n}") for n in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdin is not None
        assert worker.stdout.readline() == "ready\n"
        worker.stdin.write("go\n")
        worker.stdin.close()
    while any(worker.poll() is None for worker in workers):
        found = await store.get("count", tmp_path / "seen")
        assert found.sha256 == sha256((tmp_path / "seen").read_bytes())

    assert [worker.returncode for worker in workers] == [0, 0]
    await store.get("count", tmp_path / "end")
    assert (tmp_path / "end").read_bytes() == b"50"


async def test_a_put_that_is_killed_half_way_is_never_seen(tmp_path: Path) -> None:
    """The writer reads from a pipe that stays open: it is in the middle of its copy when it is killed."""
    store = FolderArtifactStore(tmp_path / "store")
    before = await store.put("a", b"before")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = started(
        """
        import asyncio, sys
        from pathlib import Path
        from usher_shared.artifacts.folder import FolderArtifactStore
        asyncio.run(FolderArtifactStore(Path(sys.argv[1])).put("a", Path(sys.argv[2])))
        """,
        tmp_path / "store",
        pipe,
    )
    with pipe.open("wb") as feed:
        feed.write(b"x" * (4 << 20))
        feed.flush()
        assert await store.stat("a") == before
        writer.send_signal(signal.SIGKILL)
        await asyncio.to_thread(writer.wait)

    assert await store.stat("a") == before
    (left,) = (tmp_path / "store" / ".incoming").iterdir()
    assert left.stat().st_size > 0
    os.utime(left, (0, 0))
    FolderArtifactStore(tmp_path / "store")
    assert not left.exists()

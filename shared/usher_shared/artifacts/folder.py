"""ArtifactStore in a folder, for any number of processes on one machine. POSIX only.

A generation of `a/b` is the file `a/b@/<generation>.<sha256>`: content and hash appear in one rename, and the highest
generation counts. `@` occurs in no name, so `a` and `a/b` can both be artifacts. Publishing takes the lock on
`.lock`, which also remembers the last generation; copying and hashing happen outside it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from usher_shared.artifacts.files import copy_hashed, opened, replacing, require_hash
from usher_shared.artifacts.ports import Artifact, Content, PreconditionFailed, check_name, check_prefix
from usher_shared.errors import NotFound

_ABANDONED_SECONDS = 7 * 86_400.0  # an unfinished put of that age has no owner any more


class FolderArtifactStore:
    """In `root`, which is made if it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._incoming = self._root / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._sweep()

    async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
        return await asyncio.to_thread(self._put, check_name(name), content, if_generation_match)

    async def get(
        self, name: str, target: Path, *, sha256: str | None = None, if_generation_match: int | None = None
    ) -> Artifact:
        return await asyncio.to_thread(self._get, check_name(name), target, sha256, if_generation_match)

    async def stat(self, name: str) -> Artifact:
        return await asyncio.to_thread(self._stat, check_name(name))

    async def list(self, prefix: str = "") -> Sequence[Artifact]:
        return await asyncio.to_thread(self._list, check_prefix(prefix))

    async def delete(self, name: str, *, if_generation_match: int | None = None) -> None:
        await asyncio.to_thread(self._delete, check_name(name), if_generation_match)

    async def ping(self) -> None:
        await asyncio.to_thread(os.listdir, self._incoming)

    async def close(self) -> None: ...

    def _put(self, name: str, content: Content, expected: int | None) -> Artifact:
        folder = self._folder(name)
        handle, incoming = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(handle, "wb") as sink, opened(content) as source:
                size, sha256 = copy_hashed(source, sink)
                sink.flush()
                os.fsync(sink.fileno())
            with self._locked() as last:
                older = _generations(folder)
                _require(name, older, expected)
                generation = last.next(older)
                self._make(folder)
                Path(incoming).rename(folder / f"{generation}.{sha256}")
                _sync(folder)
                for each in older:
                    each.unlink()
            return Artifact(name, generation, size, sha256)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(incoming)

    def _get(self, name: str, target: Path, sha256: str | None, expected: int | None) -> Artifact:
        with self._open(name, expected) as (found, source), replacing(target) as sink:
            _, actual = copy_hashed(source, sink)
            require_hash(name, actual, found.sha256, sha256)
        return found

    def _stat(self, name: str) -> Artifact:
        with self._open(name, None) as (found, _):
            return found

    def _list(self, prefix: str) -> Sequence[Artifact]:
        found = []
        for folder, folders, _ in os.walk(self._root / prefix.rpartition("/")[0]):
            for each in folders:
                path = Path(folder, each)
                name = path.relative_to(self._root).as_posix().removesuffix("@")
                if each.endswith("@") and name.startswith(prefix):
                    with suppress(NotFound):  # deleted meanwhile, or before
                        found.append(self._stat(name))
            folders[:] = [each for each in folders if not each.endswith("@") and not each.startswith(".")]
        return sorted(found, key=lambda artifact: artifact.name)

    def _delete(self, name: str, expected: int | None) -> None:
        folder = self._folder(name)
        with self._locked():
            present = _generations(folder)
            if present:
                _require(name, present, expected)
            for each in present:  # the oldest first: should this be cut short, none comes back to life
                each.unlink()
                _sync(folder)

    def _folder(self, name: str) -> Path:
        return self._root / f"{name}@"

    @contextmanager
    def _open(self, name: str, expected: int | None) -> Iterator[tuple[Artifact, BinaryIO]]:
        """The newest generation; it stays readable while it is replaced."""
        while True:
            present = _generations(self._folder(name)) or self._settled(self._folder(name))
            if not present:
                raise NotFound(f"no artifact {name}")
            _require(name, present, expected)
            with suppress(FileNotFoundError):  # replaced between the two: look again
                source = present[-1].open("rb")
                break
        with source:
            generation, _, sha256 = present[-1].name.partition(".")
            yield Artifact(name, int(generation), os.fstat(source.fileno()).st_size, sha256), source

    def _settled(self, folder: Path) -> Sequence[Path]:
        """While nobody publishes: a listing made meanwhile may have missed the old file and the new one."""
        with self._locked():
            return _generations(folder)

    def _make(self, folder: Path) -> None:
        """Make the folder, and have every new one survive a crash."""
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            _sync(each.parent)

    @contextmanager
    def _locked(self) -> Iterator[_LastGeneration]:
        handle = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield _LastGeneration(handle)
        finally:
            os.close(handle)

    def _sweep(self) -> None:
        """Remove what a crash left of puts long ago."""
        for part in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                    part.unlink()


class _LastGeneration:
    """The number in the lock file. Microseconds, as Cloud Storage's, yet increasing even when the clock is set back."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def next(self, present: Sequence[Path]) -> int:
        written = os.pread(self._handle, 32, 0).strip()
        last = max(int(written) if written.isdigit() else 0, _newest(present))
        generation = max(time.time_ns() // 1000, last + 1)
        os.pwrite(self._handle, f"{generation:032d}".encode(), 0)
        return generation


def _generations(folder: Path) -> list[Path]:
    """The newest last. More than one only while it is replaced, or after a crash in that moment."""
    try:
        return sorted((folder / name for name in os.listdir(folder)), key=_generation)
    except FileNotFoundError:
        return []


def _generation(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _newest(present: Sequence[Path]) -> int:
    return _generation(present[-1]) if present else 0


def _require(name: str, present: Sequence[Path], expected: int | None) -> None:
    if expected is not None and expected != _newest(present):
        raise PreconditionFailed(f"{name} is at generation {_newest(present)}, not {expected}")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

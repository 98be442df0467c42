"""Releases on this machine's disk: metadata and verified files, also for a start while the store is away."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from usher_shared.artifacts.files import replacing
from usher_shared.artifacts.releases import Releases, Shelf, parse_metadata
from usher_shared.contracts.releases import METADATA_FILE, Release
from usher_shared.errors import NotFound, Unavailable, Unprocessable, UpstreamFailed


class ReleaseCache:
    """`<folder>/<version>/` with the metadata and, under `files/`, what it names."""

    def __init__(self, releases: Releases, folder: Path) -> None:
        self._releases = releases
        self._folder = folder

    async def all(self) -> Shelf:
        return await self._releases.all()

    async def named(self, version: str) -> Release:
        """From the store; while it is away, from the disk. Raises NotFound, Unprocessable, Unavailable."""
        try:
            return await self._releases.named(version)
        except (Unavailable, UpstreamFailed) as away:
            found = await self._kept(version)
            if found is None:
                raise away
            return found

    async def described(self, version: str) -> Release | None:
        """As it is known here, also when it is no longer in the store. Raises Unavailable."""
        try:
            return await self.named(version)
        except (NotFound, Unprocessable):
            return await self._kept(version)

    async def files(self, release: Release) -> Path:
        """A folder with exactly the release's files, every one hashed now.

        Raises ArtifactCorrupt, NotFound, Unprocessable (files that may not be in a release), Unavailable.
        """
        own = self._folder / release.version
        files = own / "files"
        async with self._alone():
            await self._releases.fetch(release, files)
            await asyncio.to_thread(_write, own / METADATA_FILE, release.model_dump_json().encode())
        return files

    async def keep(self, versions: Collection[str]) -> None:
        """Forget all others. Who serves one of them goes on: its files are open, or were read."""
        async with self._alone():
            await asyncio.to_thread(_forget, self._folder, frozenset(versions))

    async def _kept(self, version: str) -> Release | None:
        known = await asyncio.to_thread(_read, self._folder / version / METADATA_FILE)
        found = None if known is None else parse_metadata(known, version)
        return found if isinstance(found, Release) else None

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Two processes may have one folder: one at a time changes it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("wb") as lock:  # closing it, whoever does, gives the lock back
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as sink:
        sink.write(content)


def _forget(folder: Path, kept: frozenset[str]) -> None:
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.name not in kept and (each / METADATA_FILE).is_file():
            shutil.rmtree(each, ignore_errors=True)

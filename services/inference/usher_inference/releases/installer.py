"""Puts releases in the place of others: fetched, verified, loaded, smoke-tested, and only then flipped."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from usher_inference.metrics import Metrics
from usher_inference.releases import smoke
from usher_inference.releases.cache import ReleaseCache
from usher_inference.releases.memory import give_back
from usher_inference.releases.model import Deployed, ReleaseRefused
from usher_inference.releases.ports import EngineLoader
from usher_inference.releases.snapshots import Snapshot, Split, Table
from usher_shared.artifacts import ArtifactCorrupt
from usher_shared.clock import Clock
from usher_shared.contracts.releases import Release
from usher_shared.errors import Conflict, NotFound, Unavailable, Unprocessable, UsherError

_LOG = logging.getLogger(__name__)
_LATER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Room:
    """How releases share the memory. With `for_two` the new one is loaded while the old one serves.

    Without, the old one is drained and freed first, and requests are told to come back; a canary is not possible then.
    `drain_seconds` is how long a swap waits for requests of the one before to end.
    """

    for_two: bool = True
    drain_seconds: float = 300.0
    smoke_seconds: float = 60.0


class Installer:
    """One swap at a time: the caller sees to that."""

    def __init__(
        self, table: Table, cache: ReleaseCache, loader: EngineLoader, room: Room, *, clock: Clock, metrics: Metrics
    ) -> None:
        self.table = table
        self._cache = cache
        self._loader = loader
        self._clock = clock
        self._metrics = metrics
        self._room = room
        self.lost: set[str] = set()
        """Models whose release made room and did not come back: nothing serves them, and it has to be tried again."""
        self._leaving: dict[asyncio.Task[None], Snapshot] = {}

    @property
    def has_room_for_two(self) -> bool:
        return self._room.for_two

    async def swap(self, model: str, wanted: Deployed, commit: Callable[[], Awaitable[None]]) -> list[str]:
        """Serve the model as `wanted`; the versions that were loaded for it.

        What is loaded already is kept; `commit` is awaited just before the flip.

        Whatever fails, what served before serves on. Raises ReleaseRefused, Unavailable (the store is away, or
        requests of an earlier release do not end), Conflict (a canary without room), and what `commit` raises.
        """
        if wanted.canary is not None and not self._room.for_two:
            raise Conflict("this server has no memory for two releases at once", code="no_room")
        before = self.table.split(model) or Split(None)
        releases = [await self._readable(version, model) for version in wanted.versions]
        kept = {release.version: each for release in releases for each in before.snapshots if _is(each, release)}
        missing = [release for release in releases if release.version not in kept]
        folders = {release.version: await self._files(release) for release in missing}
        if missing:
            await self._drained()
        makes_room = bool(missing) and not self._room.for_two and bool(before.snapshots)
        if makes_room:
            self._leave(*self.table.set(model, Split(None)))
        fresh: dict[str, Snapshot] = {}
        try:
            if makes_room:
                await self._drained()
            for release in missing:
                fresh[release.version] = await self._load(release, folders[release.version])
                await smoke.check(fresh[release.version].engine, release, seconds=self._room.smoke_seconds)
            await commit()
        except BaseException:
            for each in fresh.values():
                await _free(each)
            if makes_room:
                await self._reinstate(model, before)
            raise
        ready = kept | fresh
        canary = ready[wanted.canary] if wanted.canary else None
        self._leave(*self.table.set(model, Split(ready[wanted.stable], canary, wanted.percent)))
        self.lost.discard(model)
        self._report()
        return list(fresh)

    def expect(self, model: str) -> None:
        """Requests for the model are told to come back, not that it does not exist."""
        if self.table.split(model) is None:
            self.table.set(model, Split(None))

    def give_up(self, model: str) -> None:
        """Requests for the model, which nothing serves, are told that coming back is of no use."""
        self.table.set(model, Split(None, is_refused=True))

    async def close(self) -> None:
        """Free everything; whoever still uses something is waited for, but not for ever."""
        for model in self.table.released:
            self._leave(*self.table.remove(model))
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=self._room.drain_seconds)
        for task in self._leaving:
            task.cancel()

    async def _readable(self, version: str, model: str) -> Release:
        try:
            release = await self._cache.named(version)
        except (NotFound, Unprocessable) as error:
            raise ReleaseRefused(version, "read", error.detail) from error
        if release.model != model:
            raise ReleaseRefused(version, "read", f"it is of {release.model}, not of {model}")
        return release

    async def _files(self, release: Release) -> Path:
        try:
            folder = await self._cache.files(release)
            await asyncio.to_thread(_check_base, release, folder)
        except (ArtifactCorrupt, NotFound, Unprocessable) as error:
            raise ReleaseRefused(release.version, "verify", error.detail, release.sha256) from error
        return folder

    async def _load(self, release: Release, folder: Path) -> Snapshot:
        try:
            loaded = await self._loader.load(release, folder)
        except Exception as error:  # files that another program wrote can break a loader in any way
            why = error.detail if isinstance(error, UsherError) else f"{type(error).__name__}: {error}"
            raise ReleaseRefused(release.version, "load", why[:500], release.sha256) from error
        return Snapshot(loaded, release.version, release.sha256, self._clock.now())

    async def _reinstate(self, model: str, before: Split) -> None:
        """What had to make room comes back; it was smoke-tested when it came first.

        Who is still in use was not freed, and is put back: loaded again, it would lie in memory twice.
        """
        for each in before.snapshots:
            try:
                back = each if self._stays(each) else await self._again(model, each.version)
            except UsherError as error:  # the next look at the deployment tries again
                self.lost.add(model)
                _LOG.error("a release did not come back", extra={"version": each.version, "error": error.detail})
            else:
                self.table.set(model, Split(back))
                self._report()

    def _stays(self, snapshot: Snapshot) -> bool:
        """Call off the freeing of what is still in use. False where it has begun."""
        if snapshot.is_over:
            return False
        for task in [task for task, leaving in self._leaving.items() if leaving is snapshot]:
            task.cancel()
            del self._leaving[task]
        return True

    async def _again(self, model: str, version: str) -> Snapshot:
        await self._drained()
        release = await self._readable(version, model)
        return await self._load(release, await self._files(release))

    def _leave(self, *snapshots: Snapshot) -> None:
        for snapshot in snapshots:
            task = asyncio.create_task(_free(snapshot), name=f"free release {snapshot.version}")
            self._leaving[task] = snapshot
            task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a release was not freed", extra={"task": task.get_name(), "error": str(error)})

    async def _drained(self) -> None:
        """Never more than one release of a swap's past in memory. Raises Unavailable."""
        if not self._leaving:
            return
        _, still = await asyncio.wait(self._leaving, timeout=self._room.drain_seconds)
        if still:
            raise Unavailable(
                "requests of an earlier release have not ended",
                code="still_draining",
                retry_after_seconds=_LATER_SECONDS,
            )

    def _report(self) -> None:
        self._metrics.serving([(each.engine.model, each.engine.version, each.variant) for each in self.table.all()])


async def _free(snapshot: Snapshot) -> None:
    await snapshot.free()
    await asyncio.to_thread(give_back)


def _is(snapshot: Snapshot, release: Release) -> bool:
    return snapshot.version == release.version and snapshot.sha256 == release.sha256


def _check_base(release: Release, folder: Path) -> None:
    """A LoRA adapter belongs to one base model; on another it answers nonsense. Raises Unprocessable."""
    if release.adapter is None or not release.base_model:
        return
    try:
        config = json.loads((folder / release.adapter / "adapter_config.json").read_bytes())
        made_for = str(config["base_model_name_or_path"] or "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unprocessable(f"adapter_config.json of {release.adapter} cannot be read") from error
    if made_for.rstrip("/").rpartition("/")[2] != release.base_model.rpartition("/")[2]:
        raise Unprocessable(f"the adapter was made for {made_for}, not for {release.base_model}")

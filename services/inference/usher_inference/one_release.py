"""One release served by itself, without a deployment around it. A part of the composition roots."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import VERSION
from usher_inference.completions.ports import Models
from usher_inference.engine_loading import EngineFactory
from usher_inference.metrics import Metrics
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.releases import smoke
from usher_inference.settings import Settings
from usher_shared.artifacts.releases import Releases
from usher_shared.clock import Clock
from usher_shared.contracts.releases import Release

_LOG = logging.getLogger(__name__)


class ReleaseSource(Protocol):
    """Where a release is: `BareRelease`, `StoredRelease`."""

    async def read(self) -> Release: ...

    async def fetch(self, release: Release, folder: Path) -> int: ...


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release of an artifact store, by its version."""

    store: Releases
    version: str

    async def read(self) -> Release:
        return await self.store.named(self.version)

    async def fetch(self, release: Release, folder: Path) -> int:
        return await self.store.fetch(release, folder)


@asynccontextmanager
async def one_release(
    source: ReleaseSource | None, settings: Settings, metrics: Metrics, clock: Clock
) -> AsyncIterator[Models]:
    """The release, verified and smoke-tested, in a folder of its own until the context ends; the playbook for None.

    Raises NotFound, Unprocessable, ArtifactCorrupt and Unavailable, naming what is wrong with it or not installed.
    """
    if source is None:
        yield FixedModels((PlaybookEngine(VERSION),), clock.now())
        return
    release = await source.read()
    with tempfile.TemporaryDirectory(prefix="usher-release-") as folder:
        await source.fetch(release, Path(folder))
        loaded = await EngineFactory(settings, metrics).load(release, Path(folder))
        try:
            await smoke.check(loaded.engine, release, seconds=settings.releases_smoke_seconds)
            _LOG.info("release loaded", extra={"model": release.model, "version": release.version})
            yield FixedModels((loaded.engine,), clock.now())
        finally:
            await loaded.close()

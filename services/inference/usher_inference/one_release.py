"""One release served by itself, without a deployment around it. A part of the composition roots."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from usher_inference.adapters.bare_release import BareRelease
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import VERSION
from usher_inference.completions.ports import Models
from usher_inference.engine_loading import EngineFactory
from usher_inference.metrics import Metrics
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.releases import smoke
from usher_inference.settings import Settings
from usher_shared.clock import Clock

_LOG = logging.getLogger(__name__)


@asynccontextmanager
async def one_release(address: str, settings: Settings, metrics: Metrics, clock: Clock) -> AsyncIterator[Models]:
    """The release at `address` (as for BareRelease), verified and smoke-tested; the playbook where that is empty.

    Raises NotFound, Unprocessable, ArtifactCorrupt and Unavailable, naming what is wrong with it or not installed.
    """
    if not address:
        yield FixedModels((PlaybookEngine(VERSION),), clock.now())
        return
    source = BareRelease(address)
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

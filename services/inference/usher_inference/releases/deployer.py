"""Changes what is deployed: what serves here and what is written down for every instance, together or not at all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from usher_inference.metrics import Metrics
from usher_inference.releases.cache import ReleaseCache
from usher_inference.releases.installer import Installer
from usher_inference.releases.model import Deployed, Deployment, Failure, ReleaseRefused, Swap
from usher_inference.releases.record import DeploymentRecord, Recorded
from usher_inference.releases.refusals import Refusals
from usher_shared.clock import Clock

_LOG = logging.getLogger(__name__)


class Deployer:
    """`changing` is held by whoever changes something: one change at a time."""

    def __init__(
        self,
        installer: Installer,
        cache: ReleaseCache,
        record: DeploymentRecord,
        *,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.table = installer.table
        self.installer = installer
        self.cache = cache
        self.record = record
        self.changing = asyncio.Lock()
        self.serving = Deployment()  # here, also when nothing was ever written down
        self.followed: int | None = None  # the generation of the record that was followed last
        self.failures: dict[str, Failure] = {}  # by model: the release that is wanted and does not serve
        self.refusals = Refusals()
        self._clock = clock
        self._metrics = metrics

    async def recorded(self) -> Recorded:
        """What is deployed; what serves here, when nothing was written down. Raises Unavailable."""
        recorded = await self.record.read()
        return recorded if recorded.generation else Recorded(self.serving, 0)

    async def deploy(self, model: str, wanted: Deployed, recorded: Recorded, event_id: str | None = None) -> Swap:
        """In the place of what is recorded; written down just before the flip.

        Raises ReleaseRefused, Conflict (another instance was first) and Unavailable; then nothing has changed.
        """
        started = time.monotonic()
        before = recorded.deployment.models.get(model)
        deployment = recorded.deployment.with_model(model, wanted, event_id)

        async def commit() -> None:
            if wanted != before or not recorded.generation:
                self.followed = (await self.record.write(deployment, recorded.generation)).generation

        await self.swap(model, wanted, commit)
        self.failures.pop(model, None)
        await self.take(deployment)
        return Swap(
            model=model,
            version=wanted.stable,
            previous=None if before is None else before.stable,
            canary=wanted.canary,
            percent=wanted.percent,
            changed=before is None or (before.versions, before.percent) != (wanted.versions, wanted.percent),
            took_seconds=time.monotonic() - started,
        )

    async def note(self, deployment: Deployment, recorded: Recorded) -> None:
        """Written down in the place of what is recorded, where it changes nothing that serves. Raises as `deploy`."""
        written = await self.record.write(deployment, recorded.generation)
        if self.followed == recorded.generation:
            self.followed = written.generation
            await self.take(deployment)

    async def swap(self, model: str, wanted: Deployed, commit: Callable[[], Awaitable[None]]) -> None:
        """Here alone, measured and noted. Raises as `Installer.swap`."""
        started = time.monotonic()
        try:
            fresh = await self._installed(model, wanted, commit)
        except ReleaseRefused as error:
            self._metrics.swap_failed(model, error.version)
            self.failures[model] = Failure(model, error.version, error.detail, self._clock.now(), error.sha256)
            self.refusals.add(self.failures[model])
            _LOG.error("a release was refused", extra={"model": model, "version": error.version, "why": error.detail})
            raise
        self.refusals.forget(wanted.versions)
        for version in fresh:
            self._metrics.swapped(model, version, took_seconds=time.monotonic() - started)
        _LOG.info("releases in service", extra={"model": model, "versions": wanted.versions, "percent": wanted.percent})

    async def _installed(self, model: str, wanted: Deployed, commit: Callable[[], Awaitable[None]]) -> list[str]:
        try:
            return await self.installer.swap(model, wanted, commit)
        finally:
            if self.installer.lost:
                self.followed = None  # the next look tries again

    async def take(self, deployment: Deployment) -> None:
        """This is what serves here from now on: remembered for the next start, with the files that it needs."""
        self.serving = deployment
        await self.record.remember(deployment)
        needed = {each for deployed in deployment.models.values() for each in deployed.needed}
        await self.cache.keep(needed)

    def has(self, model: str) -> bool:
        """Whether a release of the model serves."""
        split = self.table.split(model)
        return split is not None and split.stable is not None

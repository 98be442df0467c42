"""What an operator, or an event, does with releases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime

from usher_inference.completions.ports import Served
from usher_inference.releases.deployer import Deployer
from usher_inference.releases.following import Follower
from usher_inference.releases.model import Deployed, Deployment, Failure, ReleaseRefused, Swap, is_newer
from usher_inference.releases.record import Recorded
from usher_shared.artifacts import ArtifactStore
from usher_shared.artifacts.releases import Shelf
from usher_shared.contracts.releases import Release
from usher_shared.errors import Conflict, InvalidRequest, NotFound, Unavailable

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Overview:
    """What is in the store, what is deployed, what serves on this instance, what was turned down here."""

    shelf: Shelf
    deployment: Deployment
    served: Sequence[Served]
    failures: Mapping[str, Failure]  # by version


class ReleasedModels:
    """Implements `Models`. Requests are never held up by a change."""

    def __init__(self, deployer: Deployer, follower: Follower, store: ArtifactStore) -> None:
        self._deployer = deployer
        self._follower = follower
        self._store = store
        self._following: asyncio.Task[None] | None = None

    def lease(self, model: str, conversation_id: str | None) -> AbstractContextManager[Served]:
        return self._deployer.table.lease(model, conversation_id)

    def all(self) -> Sequence[Served]:
        return self._deployer.table.all()

    async def start(self, poll_seconds: float) -> None:
        """Begin to follow what is deployed, in the background: a port is bound before a model is loaded."""
        self._following = asyncio.create_task(self._follower.run(poll_seconds), name="follow the deployment")

    async def close(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        await self._deployer.installer.close()
        await self._store.close()

    async def check(self) -> None:
        """Raises Unavailable while a deployed model is still to be loaded; one that was refused is no reason."""
        if not self._follower.is_known:
            raise Unavailable(self._follower.problem or "the deployed releases are not loaded yet")
        coming = self._deployer.table.coming
        if coming:
            raise Unavailable(f"no release serves {', '.join(coming)} yet")

    async def check_followed(self) -> None:
        """Raises Unavailable where the release that was tried last does not serve, or the store cannot be followed.

        Why a release was refused is for the operator (`overview`): /ready is anybody's.
        """
        unserved = self._deployer.table.refused
        problems = [
            f"release {each.version} of {model} was refused" + (", and nothing else serves it" * (model in unserved))
            for model, each in self._deployer.failures.items()
        ]
        if self._follower.problem:
            problems.append(self._follower.problem)
        if problems:
            raise Unavailable("; ".join(problems))

    async def look(self) -> None:
        """Follow what is deployed now, without waiting for the next poll. Raises Unavailable."""
        await self._follower.look()

    async def overview(self) -> Overview:
        """Raises Unavailable."""
        deployer = self._deployer
        recorded = await deployer.recorded()
        shelf = await deployer.cache.all()
        return Overview(shelf, recorded.deployment, self.all(), deployer.refusals.of(shelf.releases))

    async def reload(self, version: str | None = None, *, model: str | None = None, percent: float = 100.0) -> Swap:
        """Serve the named release, or the newest (of `model`, if given), to `percent` of the conversations.

        What was rolled back, or refused here, is passed over unless it is named. Raises InvalidRequest (there are
        several models: name one), NotFound, ReleaseRefused, Conflict (another change came first; nothing to share
        with) and Unavailable.
        """
        async with self._deployer.changing:
            recorded = await self._deployer.recorded()
            release = await self._find(version, model, recorded.deployment)
            return await self._release(release, percent, recorded, is_named=version is not None)

    async def rollback(self, model: str | None = None) -> Swap:
        """End the canary; where there is none, back to the stable release before. Errors as for `reload`."""
        async with self._deployer.changing:
            recorded = await self._deployer.recorded()
            name = model or _only_one(recorded.deployment)
            deployed = recorded.deployment.models.get(name)
            if deployed is None:
                raise NotFound(f"no release of {name} is deployed", code="not_deployed")
            wanted = await self._chosen(name, deployed.rolled_back())
            return await self._deployer.deploy(name, wanted, recorded)

    async def take_released(self, version: str, percent: float, event_id: str, at: datetime) -> Swap | None:
        """A release that was announced at that time. None for what came twice or too late, or is not taken here.

        Deliveries repeat and overtake each other: what was deployed before, was rolled back or is older than what
        serves is left alone, and so is a canary's share that was announced before its present one.
        """
        async with self._deployer.changing:
            recorded = await self._deployer.recorded()
            release = await self._deployer.cache.named(version)
            deployed = recorded.deployment.models.get(release.model)
            if not self._follower.takes(release.model) or event_id in recorded.deployment.events or percent <= 0:
                return None
            wanted = _first(release, percent) if deployed is None else await self._news(release, percent, at, deployed)
            return None if wanted is None else await self._deployer.deploy(release.model, wanted, recorded, event_id)

    async def take_rolled_back(self, version: str, restored: str, event_id: str) -> Swap | None:
        """A rollback that was decided elsewhere. None for one that came twice.

        None also for a release that is not deployed: it is remembered, for its announcement may come later. Where
        what is to be restored cannot serve, the latest before it does.
        """
        async with self._deployer.changing:
            recorded = await self._deployer.recorded()
            if event_id in recorded.deployment.events:
                return None
            for model, deployed in recorded.deployment.models.items():
                if version in deployed.versions:
                    return await self._restore(model, version, restored, recorded, event_id)
            await self._remember_rolled_back(version, restored, recorded, event_id)
            return None

    async def _news(self, release: Release, percent: float, at: datetime, deployed: Deployed) -> Deployed | None:
        """What an announced release makes of what is deployed; None where it is to be left alone."""
        if not await self._follower.is_news(release, deployed):
            return None
        if release.version == deployed.canary:
            if deployed.announced is not None and at < deployed.announced:
                return None
        elif deployed.canary is not None:
            canary = await self._deployer.cache.described(deployed.canary)
            if canary is not None and not is_newer(release, canary):
                return deployed.under_canary(release.version) if percent >= 100 else None
        return _shared(deployed, release.version, percent, at)

    async def _restore(self, model: str, version: str, restored: str, recorded: Recorded, event_id: str) -> Swap:
        """Raises ReleaseRefused where nothing else can serve: then `version` does."""
        deployed = recorded.deployment.models[model]
        earlier = () if version == deployed.canary else reversed(deployed.history)
        *others, last = dict.fromkeys((restored, *earlier))
        for each in others:
            try:
                wanted = await self._chosen(model, deployed.restored(each, version))
                return await self._deployer.deploy(model, wanted, recorded, event_id)
            except ReleaseRefused as error:
                _LOG.error("a rollback goes further back", extra={"restored": each, "why": error.detail})
        wanted = await self._chosen(model, deployed.restored(last, version))
        return await self._deployer.deploy(model, wanted, recorded, event_id)

    async def _remember_rolled_back(self, version: str, restored: str, recorded: Recorded, event_id: str) -> None:
        """Of its model; of all, where nothing is known of it."""
        release = await self._deployer.cache.described(version)
        deployment = recorded.deployment
        for model, deployed in recorded.deployment.models.items():
            if release is None or release.model == model:
                deployment = deployment.with_model(model, deployed.restored(restored, version), event_id)
        if deployment != recorded.deployment:
            await self._deployer.note(deployment, recorded)

    async def _find(self, version: str | None, model: str | None, deployment: Deployment) -> Release:
        if version is not None:
            release = await self._deployer.cache.named(version)
            if model not in (None, release.model):
                raise NotFound(f"release {version} is of {release.model}", code="release_not_found")
            if not self._follower.takes(release.model):
                raise Conflict(f"this server does not take releases of {release.model}", code="model_not_taken")
            return release
        releases = [each for each in (await self._deployer.cache.all()).releases if self._follower.takes(each.model)]
        models = sorted({each.model for each in releases})
        if model is None and len(models) > 1:
            raise InvalidRequest(f"name the model; there are {', '.join(models)}", extra={"param": "model"})
        passed_over = {each for deployed in deployment.models.values() for each in deployed.rejected}
        passed_over |= self._deployer.refusals.of(releases).keys()
        for release in releases:
            if model in (None, release.model) and release.version not in passed_over:
                return release
        of = f" of {model}" if model else ""
        if model in (None, *models) and models:
            raise NotFound(f"each release{of} was rolled back or refused: name one", code="release_not_found")
        raise NotFound(f"there is no release{of}", code="release_not_found")

    async def _release(self, release: Release, percent: float, recorded: Recorded, *, is_named: bool) -> Swap:
        deployed = recorded.deployment.models.get(release.model)
        wanted = _first(release, percent) if deployed is None else _shared(deployed, release.version, percent)
        if is_named:
            wanted = await self._chosen(release.model, wanted)
        return await self._deployer.deploy(release.model, wanted, recorded)

    async def _chosen(self, model: str, wanted: Deployed) -> Deployed:
        """By an operator, who could have had any release that is there."""
        releases = (await self._deployer.cache.all()).releases
        return wanted.passing_over(each for each in releases if each.model == model)


def _first(release: Release, percent: float) -> Deployed:
    if percent < 100:
        raise Conflict(f"nothing serves {release.model} yet: its first release takes all", code="nothing_to_share")
    return Deployed(stable=release.version)


def _shared(deployed: Deployed, version: str, percent: float, announced: datetime | None = None) -> Deployed:
    return deployed.with_canary(version, percent, announced) if percent < 100 else deployed.with_stable(version)


def _only_one(deployment: Deployment) -> str:
    if len(deployment.models) != 1:
        known = ", ".join(sorted(deployment.models)) or "none"
        raise InvalidRequest(f"name the model; deployed: {known}", extra={"param": "model"})
    return next(iter(deployment.models))

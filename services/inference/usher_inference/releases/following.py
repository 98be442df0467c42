"""Follows what is deployed: at a start, when another instance changed it, when a newer release appears."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from usher_inference.releases.deployer import Deployer
from usher_inference.releases.model import Deployed, Deployment, ReleaseRefused, is_newer
from usher_inference.releases.record import Recorded
from usher_shared.contracts.releases import Release
from usher_shared.errors import Unavailable, UpstreamFailed, UsherError

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 2.0  # while the store has never answered
_TRIED = 3  # releases of a model, at a start without a record


class Follower:
    """`only` names the models that this server takes from the store; empty: all.

    With `newest`, a release newer than the stable one, or the first of a model, is taken up when it is seen, unless a
    canary is out or an operator has passed it over.
    """

    def __init__(self, deployer: Deployer, *, only: Sequence[str] = (), newest: bool = False) -> None:
        self._deployer = deployer
        self._only = frozenset(only)
        self._newest = newest
        self._is_known = asyncio.Event()
        self.problem = ""
        """Why the last look did not succeed, for anybody to read."""
        self._turned_down: set[str] = set()  # hashes of releases that need not be tried again

    def takes(self, model: str) -> bool:
        return not self._only or model in self._only

    @property
    def is_known(self) -> bool:
        """Whether it is known what is deployed, and all of it was tried."""
        return self._is_known.is_set()

    async def is_news(self, release: Release, deployed: Deployed) -> bool:
        """Whether it was never deployed, and is not older than what is. Raises Unavailable."""
        if release.version in deployed.known:
            return False
        for version in (deployed.stable, *reversed(deployed.history)):
            before = await self._deployer.cache.described(version)
            if before is not None:  # a release that was removed is known no more: then the one before it counts
                return is_newer(release, before)
        return True

    async def run(self, poll_seconds: float) -> None:
        """For ever; with 0 until the start has succeeded."""
        while True:
            try:
                await self.look()
            except Exception as error:
                self._tell(error)
            if self.is_known and not poll_seconds:
                return
            await asyncio.sleep(poll_seconds if self.is_known else _RETRY_SECONDS)  # a store announces nothing

    async def look(self) -> None:
        """Serve what is deployed now. What was refused is not tried again before something changes.

        Raises Unavailable; then it is tried again at the next look.
        """
        deployer = self._deployer
        async with deployer.changing:
            try:
                recorded = await self._changed()
            except (Unavailable, UpstreamFailed):
                remembered = None if self.is_known else await deployer.record.remembered()
                if remembered is not None:
                    await self._follow(remembered)
                raise
            if recorded is not None:
                if recorded.generation or deployer.serving.models:
                    await self._follow(recorded.deployment if recorded.generation else deployer.serving)
                else:
                    await self._begin()
                deployer.followed = None if deployer.installer.lost else recorded.generation
            if self._newest:
                await self._take_newer()
            self._know()
            self.problem = ""

    async def _changed(self) -> Recorded | None:
        """What is deployed, where it is not what was followed last."""
        record = self._deployer.record
        return None if await record.generation() == self._deployer.followed else await record.read()

    async def _follow(self, deployment: Deployment) -> None:
        models = {model: wanted for model, wanted in deployment.models.items() if self.takes(model)}
        for model in models:
            self._deployer.installer.expect(model)
        for model, wanted in models.items():
            await self._serve(model, wanted)
        await self._deployer.take(deployment)
        self._know()

    async def _serve(self, model: str, wanted: Deployed) -> None:
        """What is wanted, or, where nothing serves yet and it is refused, the latest before it that passes."""
        if wanted.canary is not None and not self._deployer.installer.has_room_for_two:
            _LOG.warning("no memory for a canary: the stable one serves all", extra={"canary": wanted.canary})
            wanted = wanted.alone()
        before = []
        if not self._deployer.has(model):
            alone = () if wanted.canary is None else (wanted.stable,)
            before = [Deployed(stable=version) for version in (*alone, *reversed(wanted.history))]
        if await self._try(model, wanted):
            self._deployer.failures.pop(model, None)
            return
        refused = self._deployer.failures[model]
        for each in before:
            if await self._try(model, each):
                break
        else:
            self._give_up(model)
        self._deployer.failures[model] = refused  # of what is deployed, not of what stands in for it

    async def _begin(self) -> None:
        """Nothing was ever deployed: the newest release that passes, of each model named, or of the newest's."""
        releases = [each for each in (await self._deployer.cache.all()).releases if self.takes(each.model)]
        models = self._beginning(releases)
        for model in models:
            self._deployer.installer.expect(model)
        for model in models:
            for release in [each for each in releases if each.model == model][:_TRIED]:
                if await self._try(model, Deployed(stable=release.version)):
                    begun = self._deployer.serving.with_model(model, Deployed(stable=release.version))
                    await self._deployer.take(begun)
                    break
                self._turned_down.add(release.sha256)
            else:
                self._give_up(model)

    def _give_up(self, model: str) -> None:
        installer = self._deployer.installer
        if not self._deployer.has(model) and model not in installer.lost:  # what was lost is tried at each look
            installer.give_up(model)

    def _beginning(self, releases: Sequence[Release]) -> Sequence[str]:
        """The models that are to be served and of which nothing is deployed: those named, or else the newest's."""
        deployed = self._deployer.serving.models
        if self._only:
            return [model for model in dict.fromkeys(each.model for each in releases) if model not in deployed]
        return [] if deployed else [each.model for each in releases[:1]]

    async def _take_newer(self) -> None:
        releases = [each for each in (await self._deployer.cache.all()).releases if self.takes(each.model)]
        serving = self._deployer.serving.models
        for model in (*filter(self.takes, serving), *self._beginning(releases)):
            deployed = serving.get(model)
            if deployed is not None and deployed.canary is not None:
                continue
            newer = await self._newer([each for each in releases if each.model == model], deployed)
            if newer is None:
                continue
            wanted = Deployed(stable=newer.version) if deployed is None else deployed.with_stable(newer.version)
            try:
                await self._deployer.deploy(model, wanted, await self._deployer.recorded())
            except ReleaseRefused:
                self._turned_down.add(newer.sha256)

    async def _newer(self, releases: Sequence[Release], deployed: Deployed | None) -> Release | None:
        """The newest that may be taken up. None where it is not newer: then none after it is."""
        open_ones = (each for each in releases if each.sha256 not in self._turned_down)
        if deployed is None:
            return next(open_ones, None)
        seen = deployed.seen
        unseen = (each for each in open_ones if seen is None or each.created_at > seen)
        first = next((each for each in unseen if each.version not in deployed.known), None)
        return first if first is not None and await self.is_news(first, deployed) else None

    def _tell(self, error: Exception) -> None:
        """Other errors than ours are not written for readers, and may name paths."""
        problem = error.detail if isinstance(error, UsherError) else type(error).__name__
        if problem != self.problem:  # a store that is away is told of once
            why = f"{type(error).__name__}: {error}"
            _LOG.warning("the deployment cannot be followed now", extra={"error": why})
        self.problem = problem

    def _know(self) -> None:
        self._is_known.set()
        self._deployer.table.is_complete = True

    async def _try(self, model: str, wanted: Deployed) -> bool:
        async def commit() -> None:
            """It is written down already, or was never decided by anyone."""

        try:
            await self._deployer.swap(model, wanted, commit)
        except ReleaseRefused:
            return False
        return True

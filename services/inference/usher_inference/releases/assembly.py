"""The parts of releases in service, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usher_inference.completions.ports import Engine
from usher_inference.metrics import Metrics
from usher_inference.releases.cache import ReleaseCache
from usher_inference.releases.deployer import Deployer
from usher_inference.releases.following import Follower
from usher_inference.releases.installer import Installer, Room
from usher_inference.releases.ports import EngineLoader
from usher_inference.releases.record import RECORD, DeploymentRecord
from usher_inference.releases.service import ReleasedModels
from usher_inference.releases.snapshots import Table
from usher_shared.artifacts import ArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Rules:
    """`only` names the models whose releases are taken (empty: all); with `newest` they are taken when seen."""

    only: Sequence[str] = ()
    newest: bool = False
    room: Room = field(default_factory=Room)


def released_models(
    *,
    store: ArtifactStore,
    cache: Path,
    loader: EngineLoader,
    built_in: Sequence[Engine],
    clock: Clock,
    metrics: Metrics,
    rules: Rules | None = None,
) -> ReleasedModels:
    """Releases of `store`, kept in the folder `cache` while they serve; `built_in` serve without a release."""
    follows = rules or Rules()
    shelf = ReleaseCache(Releases(store), cache / "releases")
    table = Table(built_in, clock.now())
    installer = Installer(table, shelf, loader, follows.room, clock=clock, metrics=metrics)
    deployer = Deployer(installer, shelf, DeploymentRecord(store, cache / RECORD), clock=clock, metrics=metrics)
    return ReleasedModels(deployer, Follower(deployer, only=follows.only, newest=follows.newest), store)

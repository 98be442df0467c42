"""POST /reload, POST /rollback, GET /releases: for the operator."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from usher_inference.releases.model import Deployed, Swap
from usher_inference.releases.service import Overview, ReleasedModels
from usher_shared.http.app import require_caller


async def _models(request: Request) -> ReleasedModels:
    models: ReleasedModels = request.app.state.releases
    return models


ModelsDep = Annotated[ReleasedModels, Depends(_models)]
router = APIRouter(tags=["releases"], dependencies=[Depends(require_caller("cli"))])


class ReloadRequest(BaseModel):
    """Without `version` the newest release that was neither rolled back nor refused here."""

    model_config = ConfigDict(extra="forbid")

    version: str | None = Field(default=None, max_length=128)
    model: str | None = Field(default=None, max_length=128, description="only a release of this model")
    percent: float = Field(default=100.0, gt=0, le=100, description="of the conversations; below 100 it is a canary")


class RollbackRequest(BaseModel):
    """`model` may be left out where one is deployed."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(default=None, max_length=128)


class SwapAnswer(BaseModel):
    model: str
    version: str = Field(description="of the stable release")
    previous: str | None
    canary: str | None
    percent: float
    changed: bool
    took_seconds: float


class ListedRelease(BaseModel):
    version: str
    model: str
    engine: str
    base_model: str
    created_at: datetime
    commit: str
    scores: dict[str, float]
    sha256: str
    state: str = Field(
        description="stable, canary, previous, rejected or available; what this instance turned down: refused"
    )


class ServedModel(BaseModel):
    model: str
    version: str
    variant: str
    since: datetime


class Refusal(BaseModel):
    model: str
    version: str
    reason: str
    at: datetime


class ReleasesAnswer(BaseModel):
    """`releases` newest first; `serving` and `refused` are this instance's."""

    releases: list[ListedRelease]
    broken: dict[str, str]
    deployed: dict[str, Deployed]
    serving: list[ServedModel]
    refused: list[Refusal]


@router.post("/reload")
async def reload(models: ModelsDep, body: ReloadRequest | None = None) -> SwapAnswer:
    """Swap to a release. 422 release_refused: it is not right, and what served before serves on."""
    asked = body or ReloadRequest()
    return _answer(await models.reload(asked.version, model=asked.model, percent=asked.percent))


@router.post("/rollback")
async def rollback(models: ModelsDep, body: RollbackRequest | None = None) -> SwapAnswer:
    """End the canary, or go back to the release before."""
    return _answer(await models.rollback((body or RollbackRequest()).model))


@router.get("/releases")
async def list_releases(models: ModelsDep) -> ReleasesAnswer:
    """What there is, what is deployed and what serves."""
    return _describe(await models.overview())


def _answer(swap: Swap) -> SwapAnswer:
    return SwapAnswer.model_validate(dataclasses.asdict(swap))


def _describe(found: Overview) -> ReleasesAnswer:
    deployed, failures = found.deployment.models, found.failures
    releases = [
        ListedRelease(
            **release.model_dump(include=set(ListedRelease.model_fields) - {"state"}),
            state=_state(release.version, deployed.get(release.model), is_refused=release.version in failures),
        )
        for release in found.shelf.releases
    ]
    serving = [
        ServedModel(model=each.engine.model, version=each.engine.version, variant=each.variant, since=each.since)
        for each in found.served
    ]
    refused = [
        Refusal(model=each.model, version=each.version, reason=each.reason, at=each.at) for each in failures.values()
    ]
    return ReleasesAnswer(
        releases=releases, broken=found.shelf.broken, deployed=deployed, serving=serving, refused=refused
    )


def _state(version: str, deployed: Deployed | None, *, is_refused: bool) -> str:
    known: dict[str, str] = {}
    if deployed is not None:
        known = dict.fromkeys(deployed.history, "previous") | dict.fromkeys(deployed.rejected, "rejected")
        known |= {deployed.stable: "stable"} | ({deployed.canary: "canary"} if deployed.canary else {})
    state = known.get(version)
    if is_refused:
        return f"{state}, refused" if state else "refused"
    return state or "available"

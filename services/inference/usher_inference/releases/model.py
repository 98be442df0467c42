"""What is deployed, and how conversations are shared between two releases."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from usher_shared.contracts.releases import Release
from usher_shared.errors import Conflict, Unprocessable

_KEPT = 20  # versions remembered of a model
_EVENTS = 100  # ids remembered
Stage = Literal["read", "verify", "load", "smoke"]


class ReleaseRefused(Unprocessable):
    """A release may not serve; what served before serves on. `extra` says the version and the stage.

    `sha256` is the release's, empty where it could not be read.
    """

    code = "release_refused"

    def __init__(self, version: str, stage: Stage, why: str, sha256: str = "") -> None:
        super().__init__(f"release {version} was refused ({stage}): {why}", extra={"version": version, "stage": stage})
        self.version = version
        self.stage = stage
        self.sha256 = sha256


class Deployed(BaseModel):
    """What of one model is to be served. Every instance of the service follows it.

    `percent` of the conversations are the canary's. `history` are earlier stable versions, the latest last;
    `rejected` were rolled back, and are not taken up again unless named. Releases made up to `seen` were there when an
    operator chose this one: they are not taken up for being newer than it. `announced` is the time of the event that
    said the canary's share, where one did.
    """

    model_config = ConfigDict(frozen=True)

    stable: str
    canary: str | None = None
    percent: float = Field(default=0.0, ge=0, le=100)
    announced: AwareDatetime | None = None
    history: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    seen: AwareDatetime | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        return (self.stable,) if self.canary is None else (self.stable, self.canary)

    @property
    def needed(self) -> tuple[str, ...]:
        """The versions to keep on disk: those in service, and the one that a rollback brings back."""
        return (*self.versions, *self.history[-1:])

    @property
    def known(self) -> tuple[str, ...]:
        """The versions that are no news: deployed before or now, or rolled back."""
        return (*self.history, *self.rejected, self.stable)

    def with_stable(self, version: str) -> Deployed:
        """All conversations to `version`."""
        history = self.history if version == self.stable else _appended(self.history, self.stable, but=version)
        return Deployed(stable=version, history=history, rejected=_without(self.rejected, version), seen=self.seen)

    def alone(self) -> Deployed:
        """Without the canary, which is not rejected."""
        return self.model_copy(update={"canary": None, "percent": 0.0, "announced": None})

    def under_canary(self, version: str) -> Deployed:
        """`version` in the place of the stable one; the canary keeps its share."""
        kept = {"canary": self.canary, "percent": self.percent, "announced": self.announced}
        return self.with_stable(version).model_copy(update=kept)

    def with_canary(self, version: str, percent: float, announced: datetime | None = None) -> Deployed:
        """`percent` of the conversations to `version`, the others stay. Raises Conflict when it is the stable one."""
        if version == self.stable:
            raise Conflict(f"{version} serves all conversations already", code="already_stable")
        rejected = _without(self.rejected, version)
        said = announced or (self.announced if version == self.canary else None)
        return self.model_copy(update={"canary": version, "percent": percent, "announced": said, "rejected": rejected})

    def rolled_back(self) -> Deployed:
        """Without the canary; where there is none, with the stable version before. Raises Conflict without one."""
        if self.canary is not None:
            rejected = _appended(self.rejected, self.canary)
            return self.alone().model_copy(update={"rejected": rejected})
        if not self.history:
            raise Conflict(f"there is nothing before {self.stable} to go back to", code="nothing_to_roll_back")
        return Deployed(
            stable=self.history[-1],
            history=self.history[:-1],
            rejected=_appended(self.rejected, self.stable),
            seen=self.seen,
        )

    def restored(self, version: str, instead_of: str) -> Deployed:
        """`version` in the place of `instead_of`, which is rejected."""
        if instead_of == self.canary:
            return self.rolled_back()
        if instead_of != self.stable:
            history = _without(self.history, instead_of)
            return self.model_copy(update={"history": history, "rejected": _appended(self.rejected, instead_of)})
        return Deployed(
            stable=version,
            history=_without(self.history, version),
            rejected=_appended(self.rejected, instead_of),
            seen=self.seen,
        )

    def passing_over(self, releases: Iterable[Release]) -> Deployed:
        """Chosen in the sight of these."""
        made = [each.created_at for each in releases] + ([self.seen] if self.seen else [])
        return self.model_copy(update={"seen": max(made, default=None)})


class Deployment(BaseModel):
    """`models` by model id; `events` are the ids of the latest events that changed it."""

    model_config = ConfigDict(frozen=True)

    models: dict[str, Deployed] = Field(default_factory=dict)
    events: tuple[str, ...] = ()

    def with_model(self, model: str, deployed: Deployed, event_id: str | None = None) -> Deployment:
        events = self.events if event_id is None else (*self.events, event_id)[-_EVENTS:]
        return Deployment(models=self.models | {model: deployed}, events=events)


@dataclass(frozen=True, slots=True)
class Swap:
    """What a reload or rollback came to. `previous` served before; None where nothing did."""

    model: str
    version: str
    previous: str | None
    canary: str | None
    percent: float
    changed: bool
    took_seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a release does not serve. `sha256` is its content's; empty where it could not be read."""

    model: str
    version: str
    reason: str
    at: datetime
    sha256: str = ""


def is_newer(release: Release, stable: Release) -> bool:
    """Whether it may take the other's place without being named: it is of the same time, or later."""
    return (release.created_at, release.commit) >= (stable.created_at, stable.commit)


def is_canarys(model: str, canary: str, conversation_id: str | None, percent: float) -> bool:
    """Whether the conversation is the canary's: always the same answer, and still yes when the percentage grows.

    The canary's version is hashed too, so that it is not the same customers each time. Without a conversation: no.
    """
    if conversation_id is None:
        return False
    digest = hashlib.sha256(f"{model}\0{canary}\0{conversation_id}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * 100 < percent


def _appended(versions: tuple[str, ...], version: str, *, but: str = "") -> tuple[str, ...]:
    return tuple(each for each in (*_without(versions, version), version) if each != but)[-_KEPT:]


def _without(versions: tuple[str, ...], version: str) -> tuple[str, ...]:
    return tuple(each for each in versions if each != version)

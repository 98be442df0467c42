"""Engines in service, counted by those who use them: what is replaced goes on until its last request has ended.

Everything here happens in the event loop's thread, so that a flip is one assignment: a request sees what was before or
what is after, never both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from usher_inference.completions.model import model_not_found
from usher_inference.completions.ports import Engine, Served
from usher_inference.releases.model import is_canarys
from usher_inference.releases.ports import Loaded
from usher_shared.errors import Unavailable

_LOADING_SECONDS = 5.0  # what a client waits before it asks again


class Snapshot:
    """One loaded release. `version` and `sha256` are the release's; it never changes."""

    def __init__(self, loaded: Loaded, version: str, sha256: str, since: datetime) -> None:
        self.engine: Engine = loaded.engine
        self.version = version
        self.sha256 = sha256
        self.since = since
        self.is_over = False
        """Whether its model is being freed, or is."""
        self._close = loaded.close
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextmanager
    def used(self) -> Iterator[None]:
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def free(self) -> None:
        """Once nobody can get it any more: wait for its users, then free the model."""
        await self._unused.wait()
        self.is_over = True
        await self._close()


@dataclass(frozen=True, slots=True)
class Split:
    """What one model's requests go to. None in `stable`: it is being loaded, or all that was tried `is_refused`."""

    stable: Snapshot | None
    canary: Snapshot | None = None
    percent: float = 0.0
    is_refused: bool = False

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        return tuple(each for each in (self.stable, self.canary) if each is not None)


class Table:
    """Implements `Models`: built-in engines, and releases, which take the place of a built-in of the same name."""

    def __init__(self, built_in: Sequence[Engine], since: datetime) -> None:
        self.is_complete = False
        """Whether it is known which models there are; before, an unknown one may still come."""
        self._built_in = {engine.model: Served(engine, "default", since) for engine in built_in}
        self._splits: dict[str, Split] = {}

    def split(self, model: str) -> Split | None:
        return self._splits.get(model)

    def set(self, model: str, split: Split) -> tuple[Snapshot, ...]:
        """From now on. The snapshots that no request can get any more: the caller frees them."""
        before = self._splits.get(model)
        self._splits[model] = split
        return tuple(each for each in before.snapshots if each not in split.snapshots) if before else ()

    def remove(self, model: str) -> tuple[Snapshot, ...]:
        before = self._splits.pop(model, None)
        return before.snapshots if before else ()

    @property
    def released(self) -> tuple[str, ...]:
        return tuple(self._splits)

    @property
    def coming(self) -> tuple[str, ...]:
        """The models that nothing serves yet, and something may."""
        return tuple(name for name, each in self._splits.items() if each.stable is None and not each.is_refused)

    @property
    def refused(self) -> tuple[str, ...]:
        """The models of which no release could be put in service."""
        return tuple(name for name, each in self._splits.items() if each.stable is None and each.is_refused)

    @contextmanager
    def lease(self, model: str, conversation_id: str | None) -> Iterator[Served]:
        split = self._splits.get(model)
        if split is None or split.stable is None:
            if split is not None and split.is_refused and model not in self._built_in:
                raise _broken(model)
            yield self._fixed(model, is_coming=split is not None or not self.is_complete)
            return
        snapshot, variant = _choose(model, split, split.stable, conversation_id)
        with snapshot.used():
            yield Served(snapshot.engine, variant, snapshot.since)

    def all(self) -> Sequence[Served]:
        served = [each for name, each in self._built_in.items() if self._serves_built_in(name)]
        for split in self._splits.values():
            if split.stable is not None:
                in_two = split.canary is not None
                served.append(Served(split.stable.engine, "stable" if in_two else "default", split.stable.since))
            if split.canary is not None:
                served.append(Served(split.canary.engine, "canary", split.canary.since))
        return served

    def _serves_built_in(self, model: str) -> bool:
        split = self._splits.get(model)
        return split is None or split.stable is None

    def _fixed(self, model: str, *, is_coming: bool) -> Served:
        served = self._built_in.get(model)
        if served is not None:
            return served
        if is_coming:
            raise Unavailable(
                f"The model `{model}` is being loaded.",
                code="model_loading",
                retry_after_seconds=_LOADING_SECONDS,
                extra={"param": "model"},
            )
        raise model_not_found(model)


def _broken(model: str) -> Unavailable:
    """Says no time: nothing changes before somebody does something."""
    return Unavailable(
        f"no release of {model} could be put in service; an operator has to deploy another",
        code="model_broken",
        extra={"param": "model"},
    )


def _choose(model: str, split: Split, stable: Snapshot, conversation_id: str | None) -> tuple[Snapshot, str]:
    """A variant is named only while there are two: answers of an experiment are told apart, others are alike."""
    if split.canary is None:
        return stable, "default"
    if is_canarys(model, split.canary.version, conversation_id, split.percent):
        return split.canary, "canary"
    return stable, "stable"

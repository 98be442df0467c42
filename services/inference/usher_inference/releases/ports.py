"""What putting a release into service needs from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from usher_inference.completions.ports import Engine
from usher_shared.contracts.releases import Release


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine, and what frees its model once nobody uses it."""

    engine: Engine
    close: Callable[[], Awaitable[None]]


class EngineLoader(Protocol):
    async def load(self, release: Release, folder: Path) -> Loaded:
        """An engine for the release, whose verified files are in `folder`. Its `version` is the release's.

        The event loop goes on meanwhile. Raises whatever is wrong with the files, or UsherError naming what this
        installation lacks for that kind of engine.
        """
        ...

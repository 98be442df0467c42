"""What is deployed, written down: in the artifact store for every instance, beside the cache for a start without it."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from usher_inference.releases.model import Deployment
from usher_shared.artifacts import ArtifactStore, PreconditionFailed
from usher_shared.artifacts.files import replacing
from usher_shared.errors import Conflict, NotFound, UpstreamFailed

RECORD = "deployment.json"


@dataclass(frozen=True, slots=True)
class Recorded:
    """`generation` is the artifact's; 0 when nothing was ever deployed."""

    deployment: Deployment
    generation: int


class DeploymentRecord:
    """`deployment.json` in the store; `copy` is the file that remembers it for when the store is away."""

    def __init__(self, store: ArtifactStore, copy: Path) -> None:
        self._store = store
        self._copy = copy

    async def generation(self) -> int:
        """Raises Unavailable."""
        try:
            return (await self._store.stat(RECORD)).generation
        except NotFound:
            return 0

    async def read(self) -> Recorded:
        """Raises Unavailable, and UpstreamFailed for a record that cannot be understood."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, RECORD)
            try:
                found = await self._store.get(RECORD, target)
            except NotFound:
                return Recorded(Deployment(), 0)
            content = await asyncio.to_thread(target.read_bytes)
        try:
            return Recorded(Deployment.model_validate_json(content), found.generation)
        except ValidationError as error:
            raise UpstreamFailed(f"{RECORD} cannot be understood", code="deployment_record") from error

    async def write(self, deployment: Deployment, expected: int) -> Recorded:
        """In place of that generation. Raises Conflict when another instance has deployed meanwhile, Unavailable."""
        content = deployment.model_dump_json(indent=2).encode() + b"\n"
        try:
            written = await self._store.put(RECORD, content, if_generation_match=expected)
        except PreconditionFailed as error:
            raise Conflict("something else was deployed meanwhile: look, and try again", code="deployed") from error
        return Recorded(deployment, written.generation)

    async def remember(self, deployment: Deployment) -> None:
        """Beside the cache."""
        await asyncio.to_thread(_write, self._copy, deployment.model_dump_json().encode())

    async def remembered(self) -> Deployment | None:
        """What was deployed when last seen; None when nothing is remembered."""
        with suppress(FileNotFoundError, ValidationError):
            return Deployment.model_validate_json(await asyncio.to_thread(self._copy.read_bytes))
        return None


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as sink:
        sink.write(content)

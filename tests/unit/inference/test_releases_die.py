"""A server that is killed before or after any step of a swap; and releases in a bucket."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from tests.unit.inference.released import MODEL, House, ScriptedLoader

from contracts.artifacts.door import door_before
from emulators.gcs import gcs_server, make_bucket
from mortal import Killed, Life
from usher_inference.releases.service import ReleasedModels
from usher_shared.artifacts import Artifact, ArtifactStore, Content
from usher_shared.artifacts.gcs import GcsArtifactStore
from usher_shared.errors import Conflict


class MortalStore:
    """A store whose every call is a step."""

    def __init__(self, inner: ArtifactStore, life: Life) -> None:
        self._inner, self._life = inner, life

    async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
        made: Artifact = await self._life.step(
            lambda: self._inner.put(name, content, if_generation_match=if_generation_match)
        )
        return made

    async def get(
        self, name: str, target: Path, *, sha256: str | None = None, if_generation_match: int | None = None
    ) -> Artifact:
        found: Artifact = await self._life.step(
            lambda: self._inner.get(name, target, sha256=sha256, if_generation_match=if_generation_match)
        )
        return found

    async def stat(self, name: str) -> Artifact:
        found: Artifact = await self._life.step(lambda: self._inner.stat(name))
        return found

    async def list(self, prefix: str = "") -> Sequence[Artifact]:
        found: Sequence[Artifact] = await self._life.step(lambda: self._inner.list(prefix))
        return found

    async def delete(self, name: str, *, if_generation_match: int | None = None) -> None:
        await self._life.step(lambda: self._inner.delete(name, if_generation_match=if_generation_match))

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


def serves(models: ReleasedModels) -> str:
    with models.lease(MODEL, "CONV_1") as served:
        return served.engine.version


async def test_whenever_it_is_killed_a_start_serves_one_that_passed(tmp_path: Path) -> None:
    """And it is the new one from the moment on that it was written down: never neither, never half."""
    outcomes, points = [], 0
    while True:
        house = House(tmp_path / str(points))
        await house.publish("v1")
        await house.publish("v2")
        before = house.models(ScriptedLoader())
        await before.look()
        await before.reload("v1")
        await before.close()
        life = Life(None)
        models = house.models(ScriptedLoader(), store=MortalStore(house.store, life))
        await models.look()
        life.lived, life.points = 0, points
        swapped = False
        with suppress(Killed):
            await models.reload("v2")
            swapped = True
        again = house.models(ScriptedLoader())
        await again.look()
        outcomes.append(serves(again))
        await again.reload("v2")  # as an operator would who saw no answer
        assert serves(again) == "v2"
        await again.close()
        if swapped:
            break
        points += 1
    flips = outcomes.index("v2")
    assert outcomes == ["v1"] * flips + ["v2"] * (len(outcomes) - flips)
    assert 0 < flips < len(outcomes)
    assert points >= 8


@pytest.fixture(scope="module")
def bucket_url() -> AsyncIterator[str]:
    with gcs_server() as server, door_before(server) as door:
        yield door.url  # type: ignore[misc]


async def test_releases_in_a_bucket(bucket_url: str, tmp_path: Path) -> None:
    bucket = f"artifacts-{uuid.uuid4().hex[:20]}"
    make_bucket(bucket_url, bucket)

    def store() -> GcsArtifactStore:
        def connect() -> storage.Client:
            return storage.Client("test", AnonymousCredentials(), client_options={"api_endpoint": bucket_url})

        return GcsArtifactStore(bucket, connect=connect)

    house = House(tmp_path)
    house.store = store()
    await house.publish("v1")
    one, two = (house.models(ScriptedLoader(), cache=name, store=store()) for name in ("one", "two"))
    await one.look()
    await two.look()
    await house.publish("v2")
    assert (await one.reload()).version == "v2"
    await two.look()
    assert serves(two) == "v2"
    await two.rollback()
    await one.look()
    assert serves(one) == "v1"
    answers = await asyncio.gather(one.reload("v2"), two.reload("v2", percent=50), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in answers) <= 1  # one is told, or they came one after the other
    await one.look()
    await two.look()
    assert (await one.overview()).deployment == (await two.overview()).deployment
    assert {each.engine.version for each in one.all()} == {each.engine.version for each in two.all()}
    await one.close()
    await two.close()

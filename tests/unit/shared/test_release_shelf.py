"""Publishing releases, and reading them back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mortal import Killed, Life
from usher_local.commands.model_releases import describe_folder
from usher_shared.artifacts import Artifact, Content
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.contracts.releases import METADATA_FILE, Release
from usher_shared.errors import Conflict, InvalidRequest, NotFound, Unprocessable

MADE = datetime(2026, 11, 1, tzinfo=UTC)


def release(version: str = "v1", **fields: Any) -> Release:
    return Release.model_validate({"version": version, "model": "small", "engine": "onnx", "created_at": MADE} | fields)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "deep").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "model.safetensors").write_bytes(b"weights" * 1000)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "junk").write_text("junk")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> FolderArtifactStore:
    return FolderArtifactStore(tmp_path / "store")


async def test_what_was_published_comes_back(store: FolderArtifactStore, made: Path, tmp_path: Path) -> None:
    sealed = await Releases(store).publish(release(), made)
    assert [each.path for each in sealed.files] == ["config.json", "deep/model.safetensors"]
    found = Releases(store)
    assert await found.named("v1") == sealed
    assert await found.fetch(sealed, tmp_path / "fetched") == 2
    assert (tmp_path / "fetched" / "deep" / "model.safetensors").read_bytes() == b"weights" * 1000
    assert await found.fetch(sealed, tmp_path / "fetched") == 0  # what is right stays
    (tmp_path / "fetched" / "config.json").write_text("[]")
    assert await found.fetch(sealed, tmp_path / "fetched") == 1


async def test_a_release_is_never_changed(store: FolderArtifactStore, made: Path) -> None:
    releases = Releases(store)
    sealed = await releases.publish(release(), made)
    assert await releases.publish(release(), made) == sealed  # the same again is nothing new
    (made / "config.json").write_text("[]")
    with pytest.raises(Conflict):
        await releases.publish(release(), made)
    with pytest.raises(Conflict):
        await releases.publish(release(scores={"pass": 1.0}), made)
    assert await Releases(store).named("v1") == sealed


class MortalPuts(FolderArtifactStore):
    def __init__(self, root: Path, life: Life) -> None:
        super().__init__(root)
        self._life = life

    async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
        stored: Artifact = await self._life.step(
            lambda: super(MortalPuts, self).put(name, content, if_generation_match=if_generation_match)
        )
        return stored


async def test_publishing_that_was_cut_short_goes_on(tmp_path: Path, made: Path) -> None:
    points = 0
    while True:
        root = tmp_path / f"store-{points}"
        try:
            await Releases(MortalPuts(root, Life(points))).publish(release(), made)
            break
        except Killed:
            shelf = await Releases(FolderArtifactStore(root)).all()
            assert not shelf.broken
            assert len(shelf.releases) in ({0} if points < 5 else {1})  # seen when whole, and not before
            await Releases(FolderArtifactStore(root)).publish(release(), made)
            points += 1
    assert points == 6  # two files and the metadata, before and after each


@pytest.mark.parametrize(
    "name",
    [
        "setup.py",
        "setup.Py",
        "model.pkl",
        "X.PKL",
        "pytorch_model.bin",
        "weights.BIN",
        "optimizer.bin",
        "training.pt",
        "last.PTH",
        "last.Ckpt",
        "a b.json",
    ],
)
async def test_what_could_run_is_not_published(store: FolderArtifactStore, made: Path, name: str) -> None:
    (made / name).write_text("x")
    with pytest.raises(Unprocessable):
        await Releases(store).publish(release(), made)
    with pytest.raises(NotFound):
        await Releases(store).named("v1")


OUTSIDE = [
    {"adapter": "/etc"},
    {"adapter": "../../x"},
    {"adapter": "deep/.."},
    {"adapter": "deep/model.safetensors"},
    {"adapter": "missing"},
    {"chat_template": "/etc/hostname"},
    {"chat_template": "../config.json"},
    {"chat_template": "deep"},
    {"chat_template": "missing.jinja"},
]


@pytest.mark.parametrize("fields", OUTSIDE, ids=str)
async def test_what_a_release_loads_is_among_its_files(
    store: FolderArtifactStore, made: Path, tmp_path: Path, fields: dict[str, str]
) -> None:
    """Nothing else was hashed."""
    releases = Releases(store)
    with pytest.raises(Unprocessable, match="among"):
        await releases.publish(release(**fields), made)
    sealed = await releases.publish(release(), made)
    with pytest.raises(Unprocessable, match="among"):  # published by another program
        await releases.fetch(sealed.model_copy(update=fields), tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


async def test_an_adapter_and_a_template_among_the_files_are_good(store: FolderArtifactStore, made: Path) -> None:
    """The control of the refusals above."""
    named = release(adapter="deep", chat_template="config.json")
    assert (await Releases(store).publish(named, made)).adapter == "deep"


@pytest.mark.parametrize("version", ["v2", "../v1", "", "a/b", "x" * 200])
async def test_an_unknown_version_is_not_found(store: FolderArtifactStore, made: Path, version: str) -> None:
    await Releases(store).publish(release(), made)
    with pytest.raises(NotFound):
        await Releases(store).named(version)


def test_a_folder_says_what_it_is(made: Path) -> None:
    found = describe_folder(made, {"model": "small", "commit": "abcdef1234"})
    assert (found.engine, found.model, found.commit) == ("transformers", "small", "abcdef1234")
    assert found.version.endswith("-abcdef1")
    (made / "genai_config.json").write_text("{}")
    assert describe_folder(made, {"model": "small"}).engine == "onnx"
    (made / METADATA_FILE).write_text('{"model": "other", "version": "v7", "sampling": {"temperature": 0.3}}')
    found = describe_folder(made, {"version": "v8"})
    assert (found.model, found.version, found.sampling.temperature) == ("other", "v8", 0.3)
    with pytest.raises(InvalidRequest, match="engine"):
        describe_folder(made, {"engine": "abacus"})
    (made / METADATA_FILE).write_text("{")
    with pytest.raises(InvalidRequest, match="no JSON"):
        describe_folder(made, {})

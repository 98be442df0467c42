"""One release by itself: read from a folder or a bucket, verified, smoke-tested, served."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bare_releases import lay_out
from emulators.gcs import google_bucket
from usher_inference.adapters.bare_release import BareRelease
from usher_inference.metrics import Metrics
from usher_inference.one_release import StoredRelease, one_release
from usher_inference.settings import Settings
from usher_shared.artifacts import ArtifactCorrupt
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.gcs import GcsArtifactStore
from usher_shared.artifacts.releases import Releases, fetch_files
from usher_shared.clock import SystemClock
from usher_shared.contracts.releases import METADATA_FILE, Release, ReleaseFile
from usher_shared.errors import InvalidRequest, NotFound, Unprocessable, UsherError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "words.txt").write_text("words")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}"])
async def test_a_folder(source: Path, tmp_path: Path, form: str) -> None:
    laid = tmp_path / "a release"
    release = await lay_out(laid, source)
    found = BareRelease(form.format(laid))
    assert await found.read() == release
    target = tmp_path / "target"
    assert await found.fetch(release, target) == 2
    assert (target / "deep" / "words.txt").read_text() == "words"
    assert await found.fetch(release, target) == 0  # what is right stays
    (target / "config.json").write_text("[]")
    assert await found.fetch(release, target) == 1


async def test_what_is_not_the_release_is_refused(source: Path, tmp_path: Path) -> None:
    laid = tmp_path / "release"
    release = await lay_out(laid, source)
    (laid / "config.json").write_text("{ }")
    with pytest.raises(ArtifactCorrupt):
        await BareRelease(str(laid)).fetch(release, tmp_path / "target")
    (laid / "config.json").unlink()
    with pytest.raises(NotFound):
        await BareRelease(str(laid)).fetch(release, tmp_path / "target")


async def test_files_are_fetched_beside_each_other_and_together_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(6):
        (folder / f"shard-{number}.safetensors").write_text(str(number))
    release = await lay_out(tmp_path / "release", folder)
    begun: list[str] = []
    four, ended = asyncio.Event(), []

    async def load(file: ReleaseFile, _: Path) -> None:
        begun.append(file.path)
        if len(begun) == 4:
            four.set()
        try:
            await four.wait()
            if file.path == "shard-2.safetensors":
                raise NotFound("gone")
            await asyncio.Event().wait()
        finally:
            ended.append(file.path)

    with pytest.raises(NotFound):
        await fetch_files(release, tmp_path / "target", load)
    assert sorted(ended) == sorted(begun) == [f"shard-{number}.safetensors" for number in range(4)]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"version": "v1"}', b'{"version": 1}', b"\xff"])
async def test_metadata_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / METADATA_FILE).write_bytes(content)
    with pytest.raises(Unprocessable):
        await BareRelease(str(tmp_path)).read()


async def test_metadata_that_was_changed_is_refused(source: Path, tmp_path: Path) -> None:
    laid = tmp_path / "release"
    await lay_out(laid, source)
    changed = Release.model_validate_json((laid / METADATA_FILE).read_bytes()).model_copy(update={"model": "other"})
    (laid / METADATA_FILE).write_text(changed.model_dump_json())
    with pytest.raises(Unprocessable, match="hash"):
        await BareRelease(str(laid)).read()


async def test_no_metadata(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=METADATA_FILE):
        await BareRelease(str(tmp_path)).read()


@pytest.mark.parametrize("address", ["s3://bucket/x", "gs://", "https://example.com/x", "file://host/x"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(InvalidRequest):
        BareRelease(address)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with google_bucket() as (name, variables):
        for each, value in variables.items():
            monkeypatch.setenv(each, value)
        yield name


async def test_a_bucket(bucket: str, source: Path, tmp_path: Path) -> None:
    """The artifact store's own layout has each release under an address of its own."""
    said = {"version": "v7", "model": "tiny", "engine": "playbook", "created_at": "2026-11-21T00:00:00Z"}
    release = await Releases(GcsArtifactStore(bucket)).publish(Release.model_validate(said), source)
    found = BareRelease(f"gs://{bucket}/releases/v7/")
    assert await found.read() == release
    assert await found.fetch(release, tmp_path / "target") == 2
    with pytest.raises(NotFound):
        await BareRelease(f"gs://{bucket}/releases").read()


async def test_it_is_served_under_its_own_name(source: Path, tmp_path: Path) -> None:
    await lay_out(tmp_path / "release", source)
    async with one_release(BareRelease(str(tmp_path / "release")), Settings(), Metrics(), SystemClock()) as models:
        [served] = models.all()
        assert (served.engine.model, served.engine.version) == ("tiny", "v1")


async def test_one_of_a_store_is_served_by_its_version(source: Path, tmp_path: Path) -> None:
    await lay_out(tmp_path / "release", source)
    stored = StoredRelease(Releases(FolderArtifactStore(tmp_path / "release.store")), "v1")
    async with one_release(stored, Settings(), Metrics(), SystemClock()) as models:
        assert [each.engine.version for each in models.all()] == ["v1"]


async def test_without_an_address_the_playbook_is_served() -> None:
    async with one_release(None, Settings(), Metrics(), SystemClock()) as models:
        assert [each.engine.model for each in models.all()] == ["usher-playbook"]


async def test_one_that_fails_its_smoke_test_is_not_served(source: Path, tmp_path: Path) -> None:
    case = {"messages": [{"role": "user", "content": "hello"}], "expects": "tool_call"}
    await lay_out(tmp_path / "release", source, smoke=[case])
    with pytest.raises(UsherError):
        async with one_release(BareRelease(str(tmp_path / "release")), Settings(), Metrics(), SystemClock()):
            raise AssertionError

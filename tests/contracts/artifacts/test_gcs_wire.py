"""Generation preconditions and repeated requests on the wire of Cloud Storage's JSON API.

The objects are kept by a server that is not ours; the rule that it ignores is kept by a door before it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from contracts.artifacts.door import Door, Seen, door_before
from contracts.artifacts.suite import ArtifactStoreSuite, PreconditionSuite, sha256
from emulators.gcs import gcs_server, honours_preconditions, make_bucket
from usher_shared.artifacts import ArtifactStore, PreconditionFailed
from usher_shared.artifacts.gcs import GcsArtifactStore
from usher_shared.errors import Unavailable, UpstreamFailed


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with gcs_server() as address:
        yield address


@pytest.fixture
def door(url: str) -> Iterator[Door]:
    with door_before(url) as door:
        yield door


@pytest.fixture
def bucket(url: str) -> str:
    name = f"wire-{uuid.uuid4().hex[:20]}"
    make_bucket(url, name)
    return name


@pytest.fixture
async def store(door: Door, bucket: str) -> AsyncIterator[ArtifactStore]:
    def connect() -> storage.Client:
        return storage.Client("test", AnonymousCredentials(), client_options={"api_endpoint": door.url})

    store = GcsArtifactStore(bucket, connect=connect)
    yield store
    await store.close()


class TestGcsBehindTheRule(ArtifactStoreSuite, PreconditionSuite):
    def test_the_door_keeps_the_rule(self, door: Door, bucket: str) -> None:
        assert honours_preconditions(door.url, bucket)


LARGE = bytes(1 << 20) * 17  # a resumable upload of two chunks


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["multipart", "resumable"])
async def test_every_write_carries_a_generation(store: ArtifactStore, door: Door, content: bytes) -> None:
    one = await store.put("a", content)
    two = await store.put("a", content)
    await store.put("a", content, if_generation_match=two.generation)
    await store.delete("a")

    upload = "resumable" if content is LARGE else "multipart"
    assert [(seen.method, seen.upload) for seen in door.writes] == [*[("POST", upload)] * 3, ("DELETE", None)]
    assert [seen.expected for seen in door.writes[:3]] == ["0", str(one.generation), str(two.generation)]
    assert int(door.writes[3].expected or 0) > two.generation


async def test_a_download_is_of_the_generation_that_was_looked_at(
    store: ArtifactStore, door: Door, tmp_path: Path
) -> None:
    put = await store.put("a", b"x")
    await store.get("a", tmp_path / "t")

    assert door.seen[-1].path.startswith("/download/")
    assert door.seen[-1].generation == str(put.generation)


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["multipart", "resumable"])
async def test_a_refusal_by_the_server_is_a_failed_precondition(
    store: ArtifactStore, door: Door, content: bytes
) -> None:
    there = await store.put("a", b"there")
    door.before = lambda seen: 412 if seen.writes else None

    with pytest.raises(PreconditionFailed, match=f"generation {there.generation}, not 7"):
        await store.put("a", content, if_generation_match=7)
    assert await store.stat("a") == there


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["multipart", "resumable"])
@pytest.mark.parametrize("expected", [None, 0])
async def test_a_put_whose_answer_is_lost_is_repeated_and_knows_itself(
    store: ArtifactStore, door: Door, tmp_path: Path, content: bytes, expected: int | None
) -> None:
    lost: list[Seen] = []

    def lose_the_first(seen: Seen) -> bool:
        if seen.writes and not lost:
            lost.append(seen)
            return True
        return False

    door.after = lose_the_first
    put = await store.put("a", content, if_generation_match=expected)

    assert lost
    assert len(door.writes) == 2
    assert await store.get("a", tmp_path / "t") == put
    assert put.sha256 == sha256(content)


async def test_a_delete_whose_answer_is_lost_is_done(store: ArtifactStore, door: Door) -> None:
    put = await store.put("a", b"x")
    lost: list[Seen] = []

    def lose_the_first(seen: Seen) -> bool:
        if seen.method == "DELETE" and not lost:
            lost.append(seen)
            return True
        return False

    door.after = lose_the_first
    await store.delete("a", if_generation_match=put.generation)

    assert lost
    assert not await store.list()


async def test_what_is_busy_is_asked_again(store: ArtifactStore, door: Door, tmp_path: Path) -> None:
    busy = iter([503, 429])
    door.before = lambda seen: next(busy, None)

    put = await store.put("a", b"x", if_generation_match=0)

    assert await store.get("a", tmp_path / "t") == put
    assert len(door.writes) == 3


async def test_what_is_replaced_all_the_time_is_won_at_last_or_given_up(
    store: ArtifactStore, door: Door, bucket: str, url: str
) -> None:
    """Someone else is always faster: a put without a precondition tries again, within bounds."""
    rivals = storage.Client("test", AnonymousCredentials(), client_options={"api_endpoint": url}).bucket(bucket)
    rival_puts = 0

    def overtake(limit: int) -> None:
        nonlocal rival_puts
        rival_puts = 0

        def before(seen: Seen) -> None:
            nonlocal rival_puts
            if seen.writes and rival_puts < limit:
                rival_puts += 1
                rivals.blob("a").upload_from_string(str(rival_puts))

        door.before = before

    overtake(3)
    won = await store.put("a", b"mine")
    assert await store.stat("a") == won
    overtake(3)
    await store.delete("a")
    assert not await store.list()
    overtake(1000)
    with pytest.raises(Unavailable):
        await store.put("a", b"mine")
    assert rival_puts < 20


@pytest.mark.parametrize(("status", "error"), [(403, UpstreamFailed), (401, UpstreamFailed), (400, UpstreamFailed)])
async def test_a_refusal_is_not_asked_again(
    store: ArtifactStore, door: Door, status: int, error: type[Exception]
) -> None:
    door.before = lambda seen: status
    with pytest.raises(error):
        await store.put("a", b"x", if_generation_match=0)
    assert len(door.seen) == 1


async def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    def connect() -> storage.Client:
        endpoint = {"api_endpoint": "http://127.0.0.1:9"}  # the discard port: nothing listens
        return storage.Client("test", AnonymousCredentials(), client_options=endpoint)

    store = GcsArtifactStore("bucket", connect=connect)
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()


async def test_a_file_that_changes_between_hash_and_upload_is_found_out(
    store: ArtifactStore, door: Door, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"before")

    def change(seen: Seen) -> None:
        if seen.method == "GET":  # the look at the generation comes between the two reads
            source.write_bytes(b"behind")

    door.before = change
    put = await store.put("a", source)
    door.before = lambda seen: None
    assert put.sha256 == sha256(b"before")
    with pytest.raises(UpstreamFailed, match="has the hash"):
        await store.get("a", tmp_path / "t")

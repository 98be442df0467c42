"""What every ArtifactStore does. An adapter's test subclasses both suites with the fixture `store`.

`PreconditionSuite` stands apart because a server has to honour generation preconditions for it.
"""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import os
from pathlib import Path

import pytest

from usher_shared.artifacts import ArtifactCorrupt, ArtifactStore, PreconditionFailed
from usher_shared.errors import InvalidRequest, NotFound

BAD_NAMES = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../up",
    "a/../b",
    "a//b",
    "a/",
    "./a",
    ".hidden",
    "a/.hidden",
    "a\\b",
    "a b",
    "a\nb",
    "a\n",
    "a@",
    "a@/1",
    "a:b",
    "ä",
    "a\x00b",
    "x" * 129,
    "a/" * 300 + "a",
]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class ArtifactStoreSuite:
    @pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 4096], ids=["empty", "byte", "mebibyte"])
    async def test_bytes_come_back_as_they_went(self, store: ArtifactStore, tmp_path: Path, content: bytes) -> None:
        put = await store.put("models/base/weights.bin", content)
        got = await store.get("models/base/weights.bin", tmp_path / "target")

        assert (put.name, put.size, put.sha256) == ("models/base/weights.bin", len(content), sha256(content))
        assert put.generation > 0
        assert got == put == await store.stat("models/base/weights.bin")
        assert (tmp_path / "target").read_bytes() == content

    async def test_a_file_of_many_blocks(self, store: ArtifactStore, tmp_path: Path) -> None:
        source = tmp_path / "source"
        digest = hashlib.sha256()
        with source.open("wb") as sink:
            for n in range(20):  # more than one chunk of a resumable upload
                block = n.to_bytes(4, "big") * (1 << 18)
                digest.update(block)
                sink.write(block)

        put = await store.put("large", source)
        await store.get("large", tmp_path / "target", sha256=digest.hexdigest())

        assert (put.size, put.sha256) == (20 << 20, digest.hexdigest())
        assert (tmp_path / "target").read_bytes() == source.read_bytes()

    async def test_a_later_put_takes_the_place_with_a_larger_generation(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        puts = [await store.put("a", str(n).encode()) for n in range(5)]
        got = await store.get("a", tmp_path / "target")

        generations = [put.generation for put in puts]
        assert generations == sorted(set(generations))
        assert got == puts[-1]
        assert (tmp_path / "target").read_bytes() == b"4"
        assert list(await store.list()) == [puts[-1]]

    async def test_a_generation_is_not_used_again_after_a_delete(self, store: ArtifactStore) -> None:
        first = await store.put("a", b"same")
        await store.delete("a")
        second = await store.put("a", b"same")

        assert second.generation > first.generation

    async def test_get_replaces_the_target_whole_or_leaves_it(self, store: ArtifactStore, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.write_bytes(b"as it was")
        await store.put("a", b"new")

        with pytest.raises(ArtifactCorrupt):
            await store.get("a", target, sha256=sha256(b"another"))
        with pytest.raises(NotFound):
            await store.get("b", target)
        assert target.read_bytes() == b"as it was"
        assert fnmatch.filter(os.listdir(tmp_path), "*target*") == ["target"]

        await store.get("a", target, sha256=sha256(b"new"))
        assert target.read_bytes() == b"new"

    async def test_list_by_prefix_and_by_name(self, store: ArtifactStore) -> None:
        for name in ("b/2", "a", "b/1/x", "b", "bc", "b/1"):
            await store.put(name, name.encode())

        async def names(prefix: str) -> list[str]:
            return [artifact.name for artifact in await store.list(prefix)]

        assert await names("") == ["a", "b", "b/1", "b/1/x", "b/2", "bc"]
        assert await names("b/") == ["b/1", "b/1/x", "b/2"]
        assert await names("b") == ["b", "b/1", "b/1/x", "b/2", "bc"]
        assert await names("b/1") == ["b/1", "b/1/x"]
        assert await names("c") == await names("c/d/") == []
        assert {a.sha256 for a in await store.list("b/2")} == {sha256(b"b/2")}

    async def test_what_is_deleted_is_gone_and_deleting_again_does_nothing(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        await store.put("a/b", b"x")
        await store.put("a/c", b"y")

        await store.delete("a/b")
        await store.delete("a/b")
        await store.delete("never")

        with pytest.raises(NotFound):
            await store.stat("a/b")
        with pytest.raises(NotFound):
            await store.get("a/b", tmp_path / "t")
        assert [artifact.name for artifact in await store.list()] == ["a/c"]

    @pytest.mark.parametrize("name", BAD_NAMES)
    async def test_no_name_leads_out_of_the_store(self, store: ArtifactStore, tmp_path: Path, name: str) -> None:
        with pytest.raises(InvalidRequest):
            await store.put(name, b"x")
        with pytest.raises(InvalidRequest):
            await store.get(name, tmp_path / "t")
        with pytest.raises(InvalidRequest):
            await store.stat(name)
        with pytest.raises(InvalidRequest):
            await store.delete(name)

    @pytest.mark.parametrize("prefix", ["/", "..", "../", "a/../", "a//", ".", "a/.h", "ä", "a@/"])
    async def test_no_prefix_leads_out_of_the_store(self, store: ArtifactStore, prefix: str) -> None:
        with pytest.raises(InvalidRequest):
            await store.list(prefix)

    async def test_it_says_that_it_is_well(self, store: ArtifactStore) -> None:
        await store.ping()


class PreconditionSuite:
    async def test_only_if_there_is_none(self, store: ArtifactStore) -> None:
        first = await store.put("a", b"first", if_generation_match=0)

        with pytest.raises(PreconditionFailed) as refused:
            await store.put("a", b"second", if_generation_match=0)

        assert refused.value.http_status == 412
        assert await store.stat("a") == first
        await store.delete("a")
        assert (await store.put("a", b"third", if_generation_match=0)).generation > first.generation

    async def test_only_if_it_is_what_was_read(self, store: ArtifactStore, tmp_path: Path) -> None:
        first = await store.put("a", b"first")
        second = await store.put("a", b"second", if_generation_match=first.generation)

        with pytest.raises(PreconditionFailed):
            await store.put("a", b"third", if_generation_match=first.generation)
        with pytest.raises(PreconditionFailed):
            await store.put("never", b"x", if_generation_match=first.generation)
        with pytest.raises(PreconditionFailed):
            await store.get("a", tmp_path / "t", if_generation_match=first.generation)
        with pytest.raises(PreconditionFailed):
            await store.delete("a", if_generation_match=first.generation)
        with pytest.raises(PreconditionFailed):
            await store.delete("a", if_generation_match=0)

        assert await store.get("a", tmp_path / "t", if_generation_match=second.generation) == second
        await store.delete("a", if_generation_match=second.generation)
        await store.delete("a", if_generation_match=second.generation)
        assert list(await store.list()) == []

    async def test_of_many_that_expect_the_same_one_succeeds(self, store: ArtifactStore) -> None:
        puts = await asyncio.gather(
            *(store.put("a", str(n).encode(), if_generation_match=0) for n in range(12)), return_exceptions=True
        )

        won = [put for put in puts if not isinstance(put, BaseException)]
        assert len(won) == 1
        assert {type(put) for put in puts if isinstance(put, BaseException)} == {PreconditionFailed}
        assert await store.stat("a") == won[0]

    async def test_no_update_is_lost(self, store: ArtifactStore, tmp_path: Path) -> None:
        await store.put("count", b"0")

        async def increment(worker: int) -> None:
            target = tmp_path / f"worker-{worker}"
            while True:
                found = await store.get("count", target)
                try:
                    await store.put(
                        "count", str(int(target.read_bytes()) + 1).encode(), if_generation_match=found.generation
                    )
                except PreconditionFailed:
                    continue
                return

        await asyncio.gather(*(increment(n) for n in range(6)))

        await store.get("count", tmp_path / "end")
        assert (tmp_path / "end").read_bytes() == b"6"

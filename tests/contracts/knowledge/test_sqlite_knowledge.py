"""The embedded index: the suite with words alone and with vectors, and what is its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contracts.knowledge.suite import BAGS, NOW, PARKING, KnowledgeSuite, broken_off, document
from contracts.knowledge.words_as_vectors import word_vector
from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge
from usher_shared.clock import ManualClock
from usher_shared.errors import Unavailable


class WordVectors:
    """Texts as their words, hashed: near where they share words. Fails when told to."""

    name = "words/256"

    def __init__(self) -> None:
        self.fails = False
        self.asked = 0

    async def embed(self, texts: Sequence[str], purpose: str) -> list[list[float]]:
        self.asked += len(texts)
        if self.fails:
            raise Unavailable("no embeddings today")
        return [word_vector(text) for text in texts]

    async def close(self) -> None: ...


class TestWords(KnowledgeSuite):
    @pytest.fixture
    def made(self, tmp_path: Path, clock: ManualClock) -> Callable[[], SqliteKnowledge]:
        return lambda: SqliteKnowledge(tmp_path / "data" / "knowledge.db", clock)

    async def test_a_failed_build_leaves_the_file_as_it_was(self, index: SqliteKnowledge, tmp_path: Path) -> None:
        await self.put(index, PARKING)
        file = tmp_path / "data" / "knowledge.db"
        before = file.read_bytes()
        with pytest.raises(RuntimeError):
            await broken_off(index, BAGS)
        assert file.read_bytes() == before
        assert [path.name for path in file.parent.iterdir() if ".part-" in path.name] == []

    async def test_a_build_without_changes_leaves_the_file_alone(self, index: SqliteKnowledge, tmp_path: Path) -> None:
        await self.put(index, PARKING)
        identity = (tmp_path / "data" / "knowledge.db").stat().st_ino
        async with index.writing() as writer:
            assert await writer.versions() == {"parking.md": "v1"}
        assert (tmp_path / "data" / "knowledge.db").stat().st_ino == identity

    async def test_leftovers_of_a_killed_build_are_cleared(self, index: SqliteKnowledge, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        left = tmp_path / "data" / ".knowledge.db.part-dead"
        left.write_bytes(b"half a file")
        await self.put(index, PARKING)
        assert not left.exists()

    async def test_a_file_of_another_form_is_built_anew(self, index: SqliteKnowledge, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        file = tmp_path / "data" / "knowledge.db"
        with sqlite3.connect(file) as db:
            db.execute("CREATE TABLE facts (key TEXT, value TEXT)")
            db.execute("INSERT INTO facts VALUES ('form', '0')")
        db.close()
        assert await self.ask(index, "garage") == []
        await self.put(index, PARKING)
        assert len(await self.ask(index, "garage opens")) >= 1

    async def test_a_broken_file_is_said_to_be_unreadable(self, index: SqliteKnowledge, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "knowledge.db").write_bytes(b"this is no database" * 100)
        with pytest.raises(Unavailable):
            await self.ask(index, "garage")


class TestWithVectors(KnowledgeSuite):
    @pytest.fixture
    def embedder(self) -> WordVectors:
        return WordVectors()

    @pytest.fixture
    def made(self, tmp_path: Path, clock: ManualClock, embedder: WordVectors) -> Callable[[], SqliteKnowledge]:
        return lambda: SqliteKnowledge(tmp_path / "knowledge.db", clock, embedder=embedder, similarity=0.35)

    async def test_vectors_find_what_words_do_not(self, index: SqliteKnowledge) -> None:
        await self.put(index, document("a.md", "Bicyclists bicycling bicycles."))
        assert self.texts(await self.ask(index, "bicyclette bicycli")) == ["Bicyclists bicycling bicycles."]

    async def test_without_the_embedder_words_go_on(self, index: SqliteKnowledge, embedder: WordVectors) -> None:
        await self.put(index, PARKING)
        embedder.fails = True
        assert len(await self.ask(index, "garage opens")) >= 1

    async def test_a_build_without_the_embedder_publishes_nothing(
        self, index: SqliteKnowledge, embedder: WordVectors
    ) -> None:
        embedder.fails = True
        with pytest.raises(Unavailable):
            await self.put(index, PARKING)
        assert (await index.stats(NOW)).chunks == 0

    async def test_unchanged_documents_are_not_embedded_again(
        self, index: SqliteKnowledge, embedder: WordVectors
    ) -> None:
        await self.put(index, PARKING)
        asked = embedder.asked
        async with index.writing() as writer:
            assert await writer.versions() == {"parking.md": "v1"}
        assert embedder.asked == asked

    async def test_another_embedder_makes_everything_new(
        self, index: SqliteKnowledge, tmp_path: Path, clock: ManualClock
    ) -> None:
        await self.put(index, PARKING)
        alone = SqliteKnowledge(tmp_path / "knowledge.db", clock)
        async with alone.writing() as writer:
            assert await writer.versions() == {}
            await writer.put(PARKING)
        assert (await alone.stats(NOW)).embedded_with is None
        assert len(await self.ask(index, "garage opens")) >= 1
        await alone.close()

"""The index in Vector Search: the suite against a stand-in that takes what Google's own messages take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from contracts.knowledge.suite import BAGS, PARKING, KnowledgeSuite, document
from contracts.knowledge.vertex_stand_in import DEPLOYED, ENDPOINT, INDEX, TOKEN, VertexStandIn
from contracts.knowledge.words_as_vectors import word_vector
from usher_agent.adapters.google_embedder import GoogleEmbedder
from usher_agent.adapters.vector_search import VectorSearch
from usher_agent.adapters.vertex_knowledge import PASSAGES, SOURCES, VertexKnowledge
from usher_shared.clock import ManualClock
from usher_shared.documents import Query
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import UsherError


class TestVectorSearch(KnowledgeSuite):
    @pytest.fixture
    async def google(self) -> AsyncIterator[VertexStandIn]:
        stand_in = VertexStandIn(word_vector)
        server = TestServer(stand_in.app())
        await server.start_server()
        stand_in.url = str(server.make_url("")).rstrip("/")
        yield stand_in
        await server.close()

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteDocumentStore]:
        store = SqliteDocumentStore(tmp_path / "agent.db")
        yield store
        await store.close()

    @pytest.fixture
    def made(self, google: Any, store: SqliteDocumentStore, clock: ManualClock) -> Callable[[], VertexKnowledge]:
        async def token() -> str:
            return TOKEN

        def make() -> VertexKnowledge:
            search = VectorSearch(
                token, index=INDEX, endpoint=ENDPOINT, domain="x", deployed_index=DEPLOYED, base_url=google.url
            )
            embedder = GoogleEmbedder("house", "europe-west4", token, dimensions=256, base_url=google.url)
            return VertexKnowledge(search, store, embedder, clock, similarity=0.3)

        return make

    async def _left(self, store: SqliteDocumentStore) -> int:
        return len((await store.query(Query(SOURCES, order_by="source"))).documents)

    async def test_documents_and_questions_are_embedded_as_such(
        self, index: VertexKnowledge, google: VertexStandIn
    ) -> None:
        await self.put(index, BAGS)
        await self.ask(index, "backpacks")
        assert google.tasks == ["RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY"]

    async def test_nothing_is_left_of_what_was_removed(
        self, index: VertexKnowledge, google: VertexStandIn, store: SqliteDocumentStore
    ) -> None:
        await self.put(index, PARKING, BAGS)
        assert set(google.datapoints) == {chunk.id for one in (PARKING, BAGS) for chunk in one.chunks}
        async with index.writing() as writer:
            await writer.remove("parking.md")
        assert set(google.datapoints) == {chunk.id for chunk in BAGS.chunks}
        assert await store.get(PASSAGES, PARKING.chunks[0].id) is None
        assert await self._left(store) == 1

    @pytest.mark.parametrize("verb", ["upsertDatapoints", "removeDatapoints"])
    async def test_a_build_that_broke_off_is_mended_by_the_next(
        self, index: VertexKnowledge, google: VertexStandIn, verb: str
    ) -> None:
        await self.put(index, PARKING)
        changed = document("parking.md", "The garage is closed.", version="v2")
        google.fail_next[verb] = 500
        with pytest.raises(UsherError):
            await self.put(index, changed)
        async with index.writing() as writer:
            assert await writer.versions() == {"parking.md": ""}
            await writer.put(changed)
            assert await writer.versions() == {"parking.md": "v2"}
        assert set(google.datapoints) == {chunk.id for chunk in changed.chunks}
        assert self.texts(await self.ask(index, "garage closed")) == ["The garage is closed."]

    async def test_a_datapoint_that_lags_behind_tells_nothing(
        self, index: VertexKnowledge, google: VertexStandIn
    ) -> None:
        await self.put(index, BAGS)
        kept = dict(google.datapoints)
        async with index.writing() as writer:
            await writer.remove("bags.md")
        google.datapoints.update(kept)  # Vector Search catches up later
        assert await self.ask(index, "backpacks allowed") == []

    async def test_a_failing_search_is_an_error_and_no_empty_answer(
        self, index: VertexKnowledge, google: VertexStandIn
    ) -> None:
        await self.put(index, BAGS)
        google.fail_next["findNeighbors"] = 503
        with pytest.raises(UsherError):
            await self.ask(index, "backpacks allowed")

    async def test_a_lease_that_its_builder_left_ends(
        self, index: VertexKnowledge, made: Any, clock: ManualClock
    ) -> None:
        killed = made().writing()
        await killed.__aenter__()
        with pytest.raises(UsherError):
            await self.put(index, BAGS)
        clock.advance(timedelta(minutes=11))
        await self.put(index, BAGS)
        assert len(await self.ask(index, "backpacks allowed")) == 1

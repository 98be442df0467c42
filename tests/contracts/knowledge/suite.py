"""What every index of documents does. An adapter's tests subclass it and give a `index` fixture and `make_index`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from usher_agent.knowledge.chunking import cut
from usher_agent.knowledge.model import About, Document, Hit, Part, Question
from usher_agent.knowledge.ports import KnowledgeIndex
from usher_shared.clock import ManualClock
from usher_shared.errors import Conflict

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


def document(source: str, *texts: str, version: str = "v1", **about: Any) -> Document:
    told = About(**{"title": source.removesuffix(".md").capitalize(), "category": "venue", **about})
    return Document(source, version, told.title, cut(source, [Part(told, (), text) for text in texts]))


PARKING = document("parking.md", "The garage opens three hours before the start.", "Bicycles stand at gate three.")
BAGS = document("bags.md", "Backpacks are not allowed.", category="policies")


async def broken_off(index: KnowledgeIndex, one: Document) -> None:
    """A build that ends behind its first document."""
    async with index.writing() as writer:
        await writer.put(one)
        raise RuntimeError("power cut")


class KnowledgeSuite:
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(NOW)

    @pytest.fixture
    async def index(self, made: Any) -> AsyncIterator[KnowledgeIndex]:
        """`made()` gives an index on the same data each time."""
        index = made()
        yield index
        await index.close()

    async def put(self, index: KnowledgeIndex, *documents: Document) -> None:
        async with index.writing() as writer:
            for one in documents:
                await writer.put(one)

    async def ask(self, index: KnowledgeIndex, text: str, moment: datetime = NOW, **more: Any) -> list[Hit]:
        return await index.search(Question(text, moment, **more))

    def texts(self, hits: Sequence[Hit]) -> list[str]:
        return [hit.chunk.text for hit in hits]

    async def test_an_index_that_was_never_built_knows_nothing(self, index: KnowledgeIndex) -> None:
        assert await self.ask(index, "garage") == []
        stats = await index.stats(NOW)
        assert (stats.documents, stats.chunks, stats.built_at) == (0, 0, None)

    async def test_what_was_put_is_found_with_all_that_is_known_of_it(self, index: KnowledgeIndex) -> None:
        until = NOW + timedelta(days=3)
        told = document("a/fees.md", "Lockers cost ten dollars.", title="Fees", category="policies", venue_id="hall")
        await self.put(
            index, PARKING, told, document("tour.md", "Tours leave at noon.", valid_until=until, language="de")
        )
        (hit,) = await self.ask(index, "what do lockers cost")
        assert hit.source == "a/fees.md"
        assert hit.chunk == told.chunks[0]
        assert 0 < hit.score <= 1
        (hit,) = await self.ask(index, "when do tours leave")
        assert hit.chunk.about.valid_until == until
        assert hit.chunk.about.language == "de"

    async def test_an_unrelated_question_yields_nothing(self, index: KnowledgeIndex) -> None:
        await self.put(index, PARKING, BAGS)
        assert await self.ask(index, "helicopter insurance premiums") == []
        assert await self.ask(index, "?!") == []

    async def test_the_nearest_comes_first_and_the_limit_holds(self, index: KnowledgeIndex) -> None:
        many = document("gates.md", *(f"Gate number {n} opens for garage guests of row {n}." for n in range(9)))
        await self.put(index, PARKING, many)
        hits = await self.ask(index, "garage opens three hours before the start", limit=3)
        assert 1 <= len(hits) <= 3
        assert hits[0].chunk == PARKING.chunks[0]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)

    async def test_a_new_version_takes_the_place_of_the_old_one(self, index: KnowledgeIndex, made: Any) -> None:
        await self.put(index, PARKING, BAGS)
        changed = document("parking.md", "The garage is closed for repairs.", version="v2")
        await self.put(index, changed)
        assert self.texts(await self.ask(index, "is the garage closed for repairs")) == [
            chunk.text for chunk in changed.chunks
        ]
        assert await self.ask(index, "bicycles at gate three") == []
        async with index.writing() as writer:
            assert await writer.versions() == {"parking.md": "v2", "bags.md": "v1"}
        other = made()
        assert len(await self.ask(other, "backpacks allowed")) == 1
        await other.close()

    async def test_putting_the_same_again_changes_nothing(self, index: KnowledgeIndex) -> None:
        await self.put(index, PARKING)
        before = await self.ask(index, "garage opens")
        await self.put(index, PARKING)
        assert await self.ask(index, "garage opens") == before
        assert (await index.stats(NOW)).chunks == len(PARKING.chunks)

    async def test_what_was_removed_is_not_found(self, index: KnowledgeIndex) -> None:
        await self.put(index, PARKING, BAGS)
        async with index.writing() as writer:
            await writer.remove("parking.md")
            await writer.remove("never-there.md")
        assert await self.ask(index, "garage opens") == []
        assert len(await self.ask(index, "backpacks allowed")) == 1
        assert (await index.stats(NOW)).documents == 1

    async def test_it_is_found_only_while_it_holds(self, index: KnowledgeIndex) -> None:
        opens, ends = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        await self.put(index, document("market.md", "The market sells candles.", valid_from=opens, valid_until=ends))
        found = [len(await self.ask(index, "market candles", NOW + timedelta(minutes=m))) for m in (59, 60, 119, 120)]
        assert found == [0, 1, 1, 0]
        stats = await index.stats(ends)
        assert (stats.chunks, stats.expired) == (1, 1)

    async def test_of_a_venue_or_event_only_what_holds_there(self, index: KnowledgeIndex) -> None:
        await self.put(
            index,
            document("all.md", "Umbrellas stay under the seat."),
            document("hall.md", "Umbrellas are lent at the hall.", venue_id="hall"),
            document("dome.md", "Umbrellas are sold at the dome.", venue_id="dome"),
            document("gala.md", "Umbrellas are given away at the gala.", venue_id="hall", event_id="gala"),
        )

        async def sources(**scope: Any) -> set[str]:
            return {hit.source for hit in await self.ask(index, "umbrellas", limit=8, **scope)}

        assert await sources() == {"all.md", "hall.md", "dome.md", "gala.md"}
        assert await sources(venue_id="hall") == {"all.md", "hall.md", "gala.md"}
        assert await sources(venue_id="hall", event_id="ball") == {"all.md", "hall.md"}
        assert await sources(venue_id="nowhere") == {"all.md"}

    async def test_a_category_narrows(self, index: KnowledgeIndex) -> None:
        await self.put(index, BAGS, document("shop.md", "Backpacks are sold in the shop.", category="concessions"))
        hits = await self.ask(index, "backpacks", category="concessions")
        assert [hit.source for hit in hits] == ["shop.md"]
        stats = await index.stats(NOW)
        assert stats.by_category == {"concessions": 1, "policies": 1}

    async def test_hostile_questions_are_words_and_nothing_else(self, index: KnowledgeIndex) -> None:
        await self.put(index, PARKING)
        for text in (
            'garage" OR "x',
            "garage*",
            "NEAR(garage)",
            "garage AND NOT start",
            "title:garage",
            "'; DROP",
            "(" * 99,
        ):
            await self.ask(index, text)
        assert len(await self.ask(index, "garage opens")) >= 1

    async def test_one_builder_at_a_time(self, index: KnowledgeIndex, made: Any) -> None:
        other = made()
        async with index.writing() as writer:
            await writer.put(PARKING)
            with pytest.raises(Conflict) as refused:
                async with other.writing():
                    pass
        assert refused.value.code == "build_running"
        await self.put(other, BAGS)
        assert (await index.stats(NOW)).documents == 2
        await other.close()

    async def test_a_build_that_fails_leaves_what_it_did_not_reach(self, index: KnowledgeIndex) -> None:
        await self.put(index, PARKING, BAGS)
        with pytest.raises(RuntimeError, match="power cut"):
            await broken_off(index, document("parking.md", "The garage is closed.", version="v2"))
        assert len(await self.ask(index, "backpacks allowed")) == 1
        assert len(await self.ask(index, "is the garage open")) >= 1
        async with index.writing() as writer:
            assert (await writer.versions())["bags.md"] == "v1"

    async def test_another_process_sees_a_build_with_its_next_search(self, index: KnowledgeIndex, made: Any) -> None:
        other = made()
        assert await self.ask(other, "backpacks allowed") == []
        await self.put(index, BAGS)
        assert len(await self.ask(other, "backpacks allowed")) == 1
        async with index.writing() as writer:
            await writer.remove("bags.md")
        assert await self.ask(other, "backpacks allowed") == []
        await other.close()

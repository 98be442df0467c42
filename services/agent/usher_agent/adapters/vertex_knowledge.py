"""The index of documents in Vertex AI Vector Search; the passages' texts and vectors in the DocumentStore.

Vector Search finds ids; a passage that the store does not have, or that does not hold any more, is no hit. So what is
told is always a document of the last build, whatever the index has not caught up with.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from array import array
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from operator import mul
from typing import Any

from usher_agent.adapters.vector_search import VectorSearch
from usher_agent.knowledge.model import About, Chunk, Document, Hit, Question, Stats, content_hash
from usher_agent.knowledge.ports import Embedder
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Query, Transaction
from usher_shared.errors import Conflict

PASSAGES = "agent_knowledge_passages"
SOURCES = "agent_knowledge_sources"
BUILDS = "agent_knowledge_builds"
_ANY = "*"  # the token of a passage that holds for all venues, or events
_EVER = 253_402_300_799  # the last second of the year 9999
_LEASE = timedelta(minutes=10)
_BATCH = 100  # documents a transaction
_PAGE = 300


class VertexKnowledge:
    """`similarity` is the least cosine of a hit."""

    def __init__(
        self, search: VectorSearch, store: DocumentStore, embedder: Embedder, clock: Clock, *, similarity: float
    ) -> None:
        self._search = search
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._similarity = similarity

    async def search(self, question: Question) -> list[Hit]:
        vector = (await self._embedder.embed([question.text], "query"))[0]
        restricts = [{"namespace": "embedder", "allowList": [self._embedder.name]}]
        if question.category:
            restricts.append({"namespace": "category", "allowList": [question.category]})
        if question.venue_id:
            restricts.append({"namespace": "venue", "allowList": [question.venue_id, _ANY]})
        if question.event_id:
            restricts.append({"namespace": "event", "allowList": [question.event_id, _ANY]})
        now = str(int(question.moment.timestamp()))
        ids = await self._search.nearest(
            vector,
            question.limit * 2,
            restricts=restricts,
            numeric_restricts=[
                {"namespace": "valid_from", "valueInt": now, "op": "LESS_EQUAL"},
                {"namespace": "valid_until", "valueInt": now, "op": "GREATER"},
            ],
        )
        found = await asyncio.gather(*(self._store.get(PASSAGES, id) for id in ids))
        hits = []
        for id, stored in zip(ids, found, strict=True):
            if stored is None:
                continue
            score = sum(map(mul, vector, array("f", b64decode(stored["vector"]))))
            chunk = _chunk(id, stored)
            if score >= self._similarity and question.admits(chunk.about):
                hits.append(Hit(chunk, stored["source"], round(min(score, 1.0), 4)))
        return sorted(hits, key=lambda hit: -hit.score)[: question.limit]

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[VertexWriter]:
        """Document by document: a build that fails half-way has replaced those it reached, each of them whole."""
        writer = VertexWriter(self._search, self._store, self._embedder, self._clock)
        await writer.take_lease()
        try:
            yield writer
        finally:
            await writer.give_lease_back()

    async def stats(self, moment: datetime) -> Stats:
        by_category: dict[str, int] = {}
        by_venue: dict[str, int] = {}
        documents = chunks = expired = 0
        built: str | None = None
        async for record in _records(self._store):
            documents += 1
            built = max(built or "", record["indexed_at"])
            for category, venue, until in record["passages"].values():
                chunks += 1
                expired += until is not None and from_timestamp(until) <= moment
                by_category[category] = by_category.get(category, 0) + 1
                by_venue[venue or ""] = by_venue.get(venue or "", 0) + 1
        return Stats(
            documents,
            chunks,
            expired,
            dict(sorted(by_category.items())),
            dict(sorted(by_venue.items())),
            from_timestamp(built) if built else None,
            self._embedder.name,
        )

    async def close(self) -> None:
        await self._search.close()
        await self._embedder.close()


class VertexWriter:
    """The source's record names every datapoint that there may be of it, from before the first until after the last."""

    def __init__(self, search: VectorSearch, store: DocumentStore, embedder: Embedder, clock: Clock) -> None:
        self._search = search
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._owner = secrets.token_hex(8)

    async def take_lease(self) -> None:
        """Raises Conflict (`build_running`)."""
        now = self._clock.now()

        async def fn(tx: Transaction) -> None:
            held = await tx.get(BUILDS, "lease")
            if held is not None and held["owner"] != self._owner and from_timestamp(held["until"]) > now:
                raise Conflict("another build of the knowledge index is on", code="build_running")
            tx.set(BUILDS, "lease", {"owner": self._owner, "until": to_timestamp(now + _LEASE)})

        await self._store.transaction(fn)

    async def give_lease_back(self) -> None:
        async def fn(tx: Transaction) -> None:
            held = await tx.get(BUILDS, "lease")
            if held is not None and held["owner"] == self._owner:
                tx.delete(BUILDS, "lease")

        await self._store.transaction(fn)

    async def versions(self) -> dict[str, str]:
        name = self._embedder.name
        return {
            record["source"]: record["version"] if record["embedder"] == name else ""
            async for record in _records(self._store)
        }

    async def put(self, document: Document) -> None:
        await self.take_lease()
        vectors = await self._embedder.embed([_embedded_text(chunk) for chunk in document.chunks], "document")
        before = await self._store.get(SOURCES, _key(document.source)) or {"passages": {}}
        new = {chunk.id: _summary(chunk.about) for chunk in document.chunks}
        await self._note(document, "", {**before["passages"], **new})
        texts: dict[str, dict[str, Any] | None] = {
            chunk.id: _stored(chunk, document.source, vector)
            for chunk, vector in zip(document.chunks, vectors, strict=True)
        }
        await self._write_texts(texts)
        await self._search.upsert(
            [
                _datapoint(chunk, vector, self._embedder.name)
                for chunk, vector in zip(document.chunks, vectors, strict=True)
            ]
        )
        await self._drop([id for id in before["passages"] if id not in new])
        await self._note(document, document.version, new)

    async def remove(self, source: str) -> None:
        record = await self._store.get(SOURCES, _key(source))
        if record is not None:
            await self.take_lease()
            await self._drop(list(record["passages"]))
            await self._store.delete(SOURCES, _key(source))

    async def _note(self, document: Document, version: str, passages: dict[str, Any]) -> None:
        record = {
            "source": document.source,
            "title": document.title,
            "version": version,
            "passages": passages,
            "embedder": self._embedder.name,
            "indexed_at": to_timestamp(self._clock.now()),
        }
        await self._store.set(SOURCES, _key(document.source), record)

    async def _drop(self, ids: Sequence[str]) -> None:
        """The texts first: without them a datapoint finds nothing."""
        if ids:
            await self._write_texts(dict.fromkeys(ids))
            await self._search.remove(ids)

    async def _write_texts(self, texts: dict[str, dict[str, Any] | None]) -> None:
        items = list(texts.items())
        for start in range(0, len(items), _BATCH):

            async def fn(tx: Transaction, part: Sequence[tuple[str, Any]] = items[start : start + _BATCH]) -> None:
                for id, text in part:
                    if text is None:
                        tx.delete(PASSAGES, id)
                    else:
                        tx.set(PASSAGES, id, text)

            await self._store.transaction(fn)


async def _records(store: DocumentStore) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = await store.query(Query(SOURCES, order_by="source", limit=_PAGE, after=cursor))
        for document in page.documents:
            yield document.data
        cursor = page.next_cursor
        if cursor is None:
            return


def _key(source: str) -> str:
    return content_hash([source.encode()])[:32]


def _embedded_text(chunk: Chunk) -> str:
    return "\n".join(filter(None, (chunk.about.title, chunk.section, chunk.text)))


def _summary(about: About) -> list[str | None]:
    return [about.category, about.venue_id, to_timestamp(about.valid_until) if about.valid_until else None]


def _stored(chunk: Chunk, source: str, vector: Sequence[float]) -> dict[str, Any]:
    about = asdict(chunk.about)
    for limit in ("valid_from", "valid_until"):
        about[limit] = to_timestamp(about[limit]) if about[limit] else None
    return {
        "source": source,
        "section": chunk.section,
        "text": chunk.text,
        "page": chunk.page,
        "about": about,
        "vector": b64encode(array("f", vector).tobytes()).decode(),
    }


def _chunk(id: str, stored: dict[str, Any]) -> Chunk:
    about = dict(stored["about"])
    for limit in ("valid_from", "valid_until"):
        about[limit] = from_timestamp(about[limit]) if about[limit] else None
    return Chunk(id, About(**about), stored["section"], stored["text"], stored["page"])


def _datapoint(chunk: Chunk, vector: Sequence[float], embedder: str) -> dict[str, Any]:
    about = chunk.about
    begins = int(about.valid_from.timestamp()) if about.valid_from else 0
    ends = int(about.valid_until.timestamp()) if about.valid_until else _EVER
    return {
        "datapointId": chunk.id,
        "featureVector": list(vector),
        "restricts": [
            {"namespace": "embedder", "allowList": [embedder]},
            {"namespace": "category", "allowList": [about.category]},
            {"namespace": "venue", "allowList": [about.venue_id or _ANY]},
            {"namespace": "event", "allowList": [about.event_id or _ANY]},
        ],
        "numericRestricts": [
            {"namespace": "valid_from", "valueInt": str(begins)},
            {"namespace": "valid_until", "valueInt": str(ends)},
        ],
    }

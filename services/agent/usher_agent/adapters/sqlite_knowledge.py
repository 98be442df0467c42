"""The index of documents in one SQLite file: FTS5's BM25, and vectors beside it where an embedder is given.

The file never changes: a build copies it, changes the copy and puts it in its place, so that readers see the index
before or after a build and nothing between. A reader looks at the file's identity before each search.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import sqlite3
from array import array
from collections.abc import AsyncIterator
from datetime import datetime
from operator import mul
from pathlib import Path
from typing import Any, cast

from usher_agent.adapters.sqlite_knowledge_file import FORM, SqliteWriter, fact
from usher_agent.knowledge.model import About, Chunk, Hit, Question, Stats
from usher_agent.knowledge.ports import Embedder
from usher_agent.knowledge.ranking import FLOOR, Candidate, Having, fuse, rank
from usher_agent.knowledge.terms import Concept, concepts
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.contracts.knowledge import Category
from usher_shared.errors import Conflict, Unavailable, UsherError

_LOG = logging.getLogger(__name__)
_CANDIDATES = 40
_WEIGHTS = "2.0, 3.0, 1.0"  # of a match in title, section, text
_ADMITTED = """
    (chunks.valid_from IS NULL OR chunks.valid_from <= :now)
    AND (chunks.valid_until IS NULL OR :now < chunks.valid_until)
    AND (:category IS NULL OR chunks.category = :category)
    AND (:venue IS NULL OR chunks.venue_id IS NULL OR chunks.venue_id = :venue)
    AND (:event IS NULL OR chunks.event_id IS NULL OR chunks.event_id = :event)
"""


class SqliteKnowledge:
    """`path` need not exist yet: until the first build nothing is found. `similarity` is the floor of the vectors."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        embedder: Embedder | None = None,
        similarity: float = 0.5,
        floor: float = FLOOR,
    ) -> None:
        self._path = path
        self._clock = clock
        self._embedder = embedder
        self._similarity = similarity
        self._floor = floor
        self._lock = asyncio.Lock()
        self._reader: sqlite3.Connection | None = None
        self._identity: tuple[int, int, int] | None = None
        self._complained = False

    async def search(self, question: Question) -> list[Hit]:
        vector = await self._vector(question.text)
        async with self._lock:  # one connection, one thread at a time
            try:
                return await asyncio.to_thread(self._search, question, vector)
            except sqlite3.Error as error:
                raise Unavailable(f"the knowledge index cannot be read: {error}") from error

    async def _vector(self, text: str) -> list[float] | None:
        if self._embedder is None:
            return None
        try:
            vector = (await self._embedder.embed([text], "query"))[0]
        except UsherError as error:  # words alone still find most of it
            if not self._complained:
                _LOG.warning("a question could not be embedded; searching by words alone", extra={"code": error.code})
            self._complained = True
            return None
        self._complained = False
        return vector

    def _search(self, question: Question, vector: list[float] | None) -> list[Hit]:
        db = self._open()
        if db is None:
            return []
        scope = {
            "now": to_timestamp(question.moment),
            "category": question.category,
            "venue": question.venue_id,
            "event": question.event_id,
        }
        lexical = rank(self._candidates(db, question.text, scope), self._floor)
        if vector is not None and fact(db, "embedder") == (self._embedder.name if self._embedder else None):
            ranked = fuse(lexical, self._nearest(db, vector, scope))
        else:
            ranked = lexical
        hits = [Hit(*_chunk(db, rowid), score) for rowid, score in ranked[: question.limit]]
        return [hit for hit in hits if question.admits(hit.chunk.about)]

    @staticmethod
    def _candidates(db: sqlite3.Connection, text: str, scope: dict[str, Any]) -> list[Candidate]:
        """The best by BM25, each with the weight of the question's words that it has."""
        wanted = concepts(text)
        if not wanted:
            return []
        total = db.execute("SELECT count(*) FROM chunks").fetchone()[0]
        having = []
        for concept in wanted:
            own = _rows(db, _quoted(concept.word))
            having.append(Having(own, own | _rows(db, _any(concept)) if concept.neighbours else own, concept.light))
        query = " OR ".join(map(_any, wanted))
        sql = f"""SELECT words.rowid, bm25(words, {_WEIGHTS}) AS at FROM words JOIN chunks ON chunks.rowid = words.rowid
            WHERE words MATCH :query AND {_ADMITTED} ORDER BY at LIMIT {_CANDIDATES}"""  # noqa: S608  constants
        found = db.execute(sql, {**scope, "query": query}).fetchall()
        return [Candidate.of(rowid, -at, having, total) for rowid, at in found]

    def _nearest(self, db: sqlite3.Connection, vector: list[float], scope: dict[str, Any]) -> list[tuple[int, float]]:
        """Every admitted chunk compared; good for some thousands."""
        sql = f"SELECT rowid, vector FROM chunks WHERE vector IS NOT NULL AND {_ADMITTED}"  # noqa: S608  constants
        found = []
        for rowid, packed in db.execute(sql, scope):
            other = array("f", packed)
            if len(other) == len(vector):
                found.append((rowid, sum(map(mul, vector, other))))
        found.sort(key=lambda one: (-one[1], one[0]))
        return [(rowid, score) for rowid, score in found[:_CANDIDATES] if score >= self._similarity]

    def _open(self) -> sqlite3.Connection | None:
        """The connection to the present file; None while there is none."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        identity = (found.st_dev, found.st_ino, found.st_mtime_ns)
        if self._reader is None or identity != self._identity:
            if self._reader is not None:
                self._reader.close()
            self._reader = _connect(self._path)
            self._identity = identity
        return self._reader if fact(self._reader, "form") == FORM else None

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[SqliteWriter]:
        """All or nothing: the new file takes the old one's place when the block ends well."""
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f".{self._path.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict("another build of the knowledge index is on", code="build_running") from error
            for left in folder.glob(f".{self._path.name}.part-*"):  # of a build that was killed
                left.unlink(missing_ok=True)
            part = folder / f".{self._path.name}.part-{secrets.token_hex(4)}"
            try:
                writer = SqliteWriter(self._path, part, self._clock, self._embedder)
                try:
                    yield writer
                    changed = writer.finish()
                finally:
                    writer.close()
                if changed:
                    with part.open("rb") as file:
                        os.fsync(file.fileno())
                    os.replace(part, self._path)
            finally:
                part.unlink(missing_ok=True)

    async def stats(self, moment: datetime) -> Stats:
        async with self._lock:
            return await asyncio.to_thread(self._stats, to_timestamp(moment))

    def _stats(self, moment: str) -> Stats:
        db = self._open()
        if db is None:
            return Stats(0, 0, 0, {}, {}, None)
        built = fact(db, "built_at")
        expired = db.execute("SELECT count(*) FROM chunks WHERE valid_until <= ?", (moment,)).fetchone()[0]
        return Stats(
            documents=db.execute("SELECT count(*) FROM documents").fetchone()[0],
            chunks=db.execute("SELECT count(*) FROM chunks").fetchone()[0],
            expired=expired,
            by_category=dict(db.execute("SELECT category, count(*) FROM chunks GROUP BY 1 ORDER BY 1").fetchall()),
            by_venue=dict(
                db.execute("SELECT coalesce(venue_id, ''), count(*) FROM chunks GROUP BY 1 ORDER BY 1").fetchall()
            ),
            built_at=from_timestamp(built) if built else None,
            embedded_with=fact(db, "embedder") or None,
        )

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._embedder is not None:
            await self._embedder.close()


def _connect(path: Path) -> sqlite3.Connection:
    # immutable: the file is replaced, never written; so no lock and no journal beside it are looked for
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def _quoted(words: str) -> str:
    return f'"{words}"'  # words() leaves no quote in them


def _any(concept: Concept) -> str:
    """An FTS5 expression: the customer's own word or any neighbour."""
    return f"({' OR '.join(map(_quoted, (concept.word, *concept.neighbours)))})"


def _rows(db: sqlite3.Connection, expression: str) -> frozenset[int]:
    return frozenset(row for (row,) in db.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)))


def _chunk(db: sqlite3.Connection, rowid: int) -> tuple[Chunk, str]:
    row = db.execute(
        "SELECT id, section, page, text, title, category, language, venue_id, event_id, valid_from, valid_until, "
        "source FROM chunks WHERE rowid = ?",
        (rowid,),
    ).fetchone()
    starts, ends = (from_timestamp(value) if value else None for value in row[9:11])
    about = About(row[4], cast(Category, row[5]), row[6], row[7], row[8], starts, ends)
    return Chunk(row[0], about, row[1], row[3], row[2]), row[11]

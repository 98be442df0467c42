"""The file of the embedded index: its tables, and a copy of it that a build changes."""

from __future__ import annotations

import shutil
import sqlite3
from array import array
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from usher_agent.knowledge.model import Chunk, Document
from usher_agent.knowledge.ports import Embedder
from usher_shared.clock import Clock, to_timestamp

FORM = "1"  # of the file; another one is built anew
_SCHEMA = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (source TEXT PRIMARY KEY, version TEXT NOT NULL, title TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE chunks (
    rowid INTEGER PRIMARY KEY, id TEXT NOT NULL, source TEXT NOT NULL, section TEXT NOT NULL, page INTEGER,
    title TEXT NOT NULL, category TEXT NOT NULL, language TEXT NOT NULL, venue_id TEXT, event_id TEXT,
    valid_from TEXT, valid_until TEXT, text TEXT NOT NULL, vector BLOB
);
CREATE INDEX chunks_of ON chunks (source);
CREATE VIRTUAL TABLE words USING fts5 (title, section, text, tokenize = "porter unicode61 remove_diacritics 2");
"""


class SqliteWriter:
    """Changes of a copy of the index."""

    def __init__(self, path: Path, part: Path, clock: Clock, embedder: Embedder | None) -> None:
        name = embedder.name if embedder else ""
        self._clock = clock
        self._embedder = embedder
        self._changed = True
        if path.exists():
            shutil.copyfile(path, part)
            self._db = sqlite3.connect(part, isolation_level=None)
            if self._usable(name):
                self._changed = False
                return
            self._db.close()
            part.unlink()
        self._db = sqlite3.connect(part, isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._note(form=FORM, embedder=name)

    def _usable(self, embedder: str) -> bool:
        try:
            return fact(self._db, "form") == FORM and fact(self._db, "embedder") == embedder
        except sqlite3.Error:
            return False

    async def versions(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT source, version FROM documents").fetchall())

    async def put(self, document: Document) -> None:
        vectors: Sequence[list[float] | None] = [None] * len(document.chunks)
        if self._embedder is not None:
            vectors = await self._embedder.embed([indexed_text(chunk) for chunk in document.chunks], "document")
        self._delete(document.source)
        for chunk, vector in zip(document.chunks, vectors, strict=True):
            about = chunk.about
            packed = None if vector is None else array("f", vector).tobytes()
            row = (chunk.id, document.source, chunk.section, chunk.page, about.title, about.category, about.language)
            limits = (about.venue_id, about.event_id, _moment(about.valid_from), _moment(about.valid_until))
            added = self._db.execute(
                "INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, *limits, chunk.text, packed),
            )
            self._db.execute(
                "INSERT INTO words (rowid, title, section, text) VALUES (?, ?, ?, ?)",
                (added.lastrowid, about.title, chunk.section, chunk.text),
            )
        self._db.execute("INSERT INTO documents VALUES (?, ?, ?)", (document.source, document.version, document.title))
        self._changed = True

    async def remove(self, source: str) -> None:
        self._delete(source)
        self._changed = True

    def _delete(self, source: str) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN")
        self._db.execute("DELETE FROM words WHERE rowid IN (SELECT rowid FROM chunks WHERE source = ?)", (source,))
        self._db.execute("DELETE FROM chunks WHERE source = ?", (source,))
        self._db.execute("DELETE FROM documents WHERE source = ?", (source,))

    def finish(self) -> bool:
        """Whether there is anything new to publish."""
        if self._changed:
            self._note(built_at=to_timestamp(self._clock.now()))
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        return self._changed

    def _note(self, **facts: str) -> None:
        self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def close(self) -> None:
        self._db.close()


def indexed_text(chunk: Chunk) -> str:
    """What a vector is made of: where the chunk stands, then what it says."""
    return "\n".join(filter(None, (chunk.about.title, chunk.section, chunk.text)))


def fact(db: sqlite3.Connection, key: str) -> str | None:
    """What the file says of itself: `form`, `embedder`, `built_at`."""
    row = db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _moment(value: datetime | None) -> str | None:
    return to_timestamp(value) if value else None

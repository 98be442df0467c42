"""The bus's durable state in one SQLite file: messages, deliveries that are due, dead letters.

Writes are committed in groups by one thread: while one group's fsync runs, the next gathers. A write's future
resolves after the fsync. Reads are short and run on a connection of their own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from usher_local.bus.model import Delivery, Message
from usher_shared.errors import NotFound, Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

_LOG = logging.getLogger(__name__)
_GROUP = 256
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, data BLOB NOT NULL, attributes TEXT NOT NULL,
    ordering_key TEXT NOT NULL, published_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ix_messages_published_at ON messages (published_at);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, seq INTEGER NOT NULL,
    ordering_key TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS ix_deliveries_subscription ON deliveries (subscription, id);
CREATE INDEX IF NOT EXISTS ix_deliveries_seq ON deliveries (seq);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, subscription TEXT NOT NULL, seq INTEGER NOT NULL,
    reason TEXT NOT NULL, attempts INTEGER NOT NULL, dead_at TEXT NOT NULL, redriven_at TEXT);
CREATE INDEX IF NOT EXISTS ix_dead_letters_seq ON dead_letters (seq);
"""
_MESSAGE = "seq, topic, data, attributes, ordering_key, published_at"


def _message(row: tuple[Any, ...]) -> Message:
    seq, topic, data, attributes, ordering_key, published_at = row
    return Message(seq, topic, data, json.loads(attributes), ordering_key, published_at)


class BusStore:
    """Durable against the death of the process and of the machine (WAL, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._connect(path)
        self._writer.executescript(_SCHEMA)
        self._reader = self._connect(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bus-commit")
        self._waiting: deque[tuple[Work, asyncio.Future[Any]]] = deque()
        self._drain: asyncio.Task[None] | None = None

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def write(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run `work` in the next group; the future holds its result once it is on disk.

        Futures resolve in the order of the calls. They raise Unavailable when the disk refused.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._commit_groups(), name="bus-commit")
        return future

    async def _commit_groups(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(_GROUP, len(self._waiting)))]
            works = [work for work, _ in group]
            try:
                results = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, works)
            except Exception as error:  # nothing of the group was written: each caller learns it
                _LOG.error("a group could not be written", exc_info=error)
                for _, future in group:
                    if not future.done():
                        future.set_exception(Unavailable(f"the bus could not write: {error}", retry_after_seconds=1))
                        future.exception()  # marks it as seen, for callers that do not wait
                continue
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    future.set_result(result)

    def _commit(self, works: Sequence[Work]) -> list[Any]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            results = [work(self._writer) for work in works]
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return results

    async def close(self) -> None:
        """Write what is waiting, then close."""
        while self._drain is not None and not self._drain.done():
            await self._drain
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    def ping(self) -> None:
        self._reader.execute("SELECT 1").fetchone()

    def message(self, seq: int) -> Message:
        """Raises NotFound."""
        row = self._reader.execute(f"SELECT {_MESSAGE} FROM messages WHERE seq = ?", (seq,)).fetchone()  # noqa: S608
        if row is None:
            raise NotFound(f"no message {seq}")
        return _message(row)

    def messages_after(self, seq: int, limit: int) -> list[Message]:
        rows = self._reader.execute(
            f"SELECT {_MESSAGE} FROM messages WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
            (seq, limit),
        )
        return [_message(row) for row in rows]

    def last_seq(self) -> int:
        return int(self._reader.execute("SELECT coalesce(max(seq), 0) FROM messages").fetchone()[0])

    def due(self, subscription: str, after: int, limit: int) -> list[Delivery]:
        """Undelivered, oldest first, beyond the delivery id `after`."""
        rows = self._reader.execute(
            "SELECT id, subscription, seq, ordering_key, attempts FROM deliveries "
            "WHERE subscription = ? AND id > ? ORDER BY id LIMIT ?",
            (subscription, after, limit),
        )
        return [Delivery(*row) for row in rows]

    def pending(self) -> dict[str, tuple[int, str]]:
        """Subscription -> (undelivered messages, when the oldest was published)."""
        rows = self._reader.execute(
            "SELECT d.subscription, count(*), min(m.published_at) FROM deliveries d JOIN messages m USING (seq) "
            "GROUP BY d.subscription"
        )
        return {name: (count, oldest) for name, count, oldest in rows}

    def dead_letter_counts(self) -> dict[str, int]:
        """Subscription -> dead letters that were not redriven."""
        return dict(
            self._reader.execute(
                "SELECT subscription, count(*) FROM dead_letters WHERE redriven_at IS NULL GROUP BY subscription"
            )
        )

    def dead_letters(self, after: int, limit: int) -> list[tuple[int, str, str, int, str, int, str, str | None]]:
        """(id, topic, subscription, seq, reason, attempts, dead_at, redriven_at), oldest first."""
        return self._reader.execute(
            "SELECT id, topic, subscription, seq, reason, attempts, dead_at, redriven_at FROM dead_letters "
            "WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        ).fetchall()


def insert_messages(
    topic: str,
    messages: Sequence[tuple[bytes, dict[str, str], str]],
    subscriptions: Sequence[str],
    published_at: str,
) -> Callable[[sqlite3.Connection], tuple[list[int], list[Delivery]]]:
    """Work: messages (data, attributes, ordering key) with a delivery for each subscription; their seqs."""

    def work(connection: sqlite3.Connection) -> tuple[list[int], list[Delivery]]:
        seqs, deliveries = [], []
        for data, attributes, key in messages:
            seq = connection.execute(
                "INSERT INTO messages (topic, data, attributes, ordering_key, published_at) VALUES (?, ?, ?, ?, ?)",
                (topic, data, json.dumps(attributes), key, published_at),
            ).lastrowid
            seqs.append(int(seq or 0))
            deliveries += [_insert_delivery(connection, name, seqs[-1], key) for name in subscriptions]
        return seqs, deliveries

    return work


def _insert_delivery(connection: sqlite3.Connection, subscription: str, seq: int, key: str) -> Delivery:
    id = connection.execute(
        "INSERT INTO deliveries (subscription, seq, ordering_key) VALUES (?, ?, ?)", (subscription, seq, key)
    ).lastrowid
    return Delivery(int(id or 0), subscription, seq, key)


def delete_delivery(id: int) -> Work:
    """Work: acknowledged."""
    return lambda connection: connection.execute("DELETE FROM deliveries WHERE id = ?", (id,))


def set_attempts(id: int, attempts: int) -> Work:
    """Work: not acknowledged; the count outlives a restart."""
    return lambda connection: connection.execute("UPDATE deliveries SET attempts = ? WHERE id = ?", (attempts, id))


def bury(delivery: Delivery, topic: str, reason: str, dead_at: str) -> Work:
    """Work: the delivery becomes a dead letter of the dead-letter topic `topic`."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
        connection.execute(
            "INSERT INTO dead_letters (topic, subscription, seq, reason, attempts, dead_at) VALUES (?, ?, ?, ?, ?, ?)",
            (topic, delivery.subscription, delivery.seq, reason, delivery.attempts, dead_at),
        )

    return work


def redrive(id: int, redriven_at: str) -> Callable[[sqlite3.Connection], tuple[str, Delivery | None] | None]:
    """Work: (when it was redriven first, its new delivery if that is now); None if there is no such dead letter."""

    def work(connection: sqlite3.Connection) -> tuple[str, Delivery | None] | None:
        row = connection.execute(
            "SELECT d.subscription, d.seq, d.redriven_at, m.ordering_key "
            "FROM dead_letters d JOIN messages m USING (seq) WHERE d.id = ?",
            (id,),
        ).fetchone()
        if row is None:
            return None
        subscription, seq, before, key = row
        if before is not None:
            return before, None
        connection.execute("UPDATE dead_letters SET redriven_at = ? WHERE id = ?", (redriven_at, id))
        return redriven_at, _insert_delivery(connection, subscription, seq, key)

    return work


def forget_subscriptions_except(names: Sequence[str]) -> Callable[[sqlite3.Connection], int]:
    """Work: drop deliveries to subscriptions that are no more; how many there were."""

    def work(connection: sqlite3.Connection) -> int:
        marks = ", ".join("?" * len(names))
        sql = f"DELETE FROM deliveries WHERE subscription NOT IN ({marks})"  # noqa: S608  marks only
        return connection.execute(sql, list(names)).rowcount

    return work


def delete_old(delivered_before: str, dead_before: str) -> Callable[[sqlite3.Connection], int]:
    """Work: dead letters from before `dead_before`, messages from before `delivered_before` that nothing needs."""

    def work(connection: sqlite3.Connection) -> int:
        connection.execute("DELETE FROM dead_letters WHERE dead_at < ?", (dead_before,))
        return connection.execute(
            "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages m WHERE published_at < ? "
            "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = m.seq) "
            "AND NOT EXISTS (SELECT 1 FROM dead_letters l WHERE l.seq = m.seq) LIMIT 5000)",
            (delivered_before,),
        ).rowcount

    return work

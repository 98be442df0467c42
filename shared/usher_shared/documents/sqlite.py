"""DocumentStore on SQLite: one file, WAL, many processes.

Transactions of one process are committed in groups: while one group's commit waits for the disk, the next
gathers. Serializability comes from BEGIN IMMEDIATE (one writer at a time, across processes); the wait for
another process's write lock is asynchronous, so it never blocks the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from usher_shared.clock import to_timestamp
from usher_shared.documents.collections import Collection, load_collections, require_collection, require_index
from usher_shared.documents.ports import (
    Contention,
    JsonValue,
    Page,
    Query,
    Transaction,
)
from usher_shared.documents.sqlite_transaction import SqliteTransaction, path_expression, read_one, read_page
from usher_shared.errors import Unavailable

T = TypeVar("T")
_GROUP = 128  # transactions per commit: bounds how long the first of a group waits
_BUSY_SECONDS = 20.0
_EXPIRY_BATCH = 2000


def _run_to_end(fn: Callable[[Transaction], Awaitable[T]], tx: Transaction) -> T:
    """Run the transaction function without the event loop: nothing it may await ever suspends."""
    steps = fn(tx).__await__()
    try:
        next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result
    steps.close()
    raise RuntimeError("a transaction function may await nothing but its transaction")


def _unwritten(error: sqlite3.Error) -> Unavailable:
    unavailable = Unavailable(f"the store could not write: {error}", retry_after_seconds=1)
    unavailable.__cause__ = error
    return unavailable


@dataclass(slots=True)
class _Pending:
    fn: Callable[[Transaction], Awaitable[Any]]
    future: asyncio.Future[Any]
    context: contextvars.Context


class SqliteDocumentStore:
    """Open with `SqliteDocumentStore(path)`; the file and its tables are made if missing.

    Durable against the death of the process and of the machine (synchronous=FULL). Knows the declared collections
    unless told others. Documents whose `ttl_field` is past are deleted beside
    other writes, `expiry_seconds` apart.
    """

    def __init__(
        self,
        path: Path,
        collections: Mapping[str, Collection] | None = None,
        *,
        expiry_seconds: float = 600.0,
    ) -> None:
        self._collections = load_collections() if collections is None else collections
        self._expiry_seconds = expiry_seconds
        self._next_expiry = time.monotonic() + expiry_seconds
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._connect(path)
        self._create_tables()
        self._reader = self._connect(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-commit")
        self._pending: deque[_Pending] = deque()
        self._drain: asyncio.Task[None] | None = None

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        connection.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _create_tables(self) -> None:
        run = self._writer.execute
        run("BEGIN IMMEDIATE")
        for collection in self._collections.values():
            columns = "id TEXT PRIMARY KEY, data TEXT NOT NULL"
            run(f'CREATE TABLE IF NOT EXISTS "{collection.name}" ({columns}) WITHOUT ROWID')
            ttl = () if collection.ttl_field is None else ((collection.ttl_field,),)
            for index in {*collection.indexes, *ttl}:
                columns = ", ".join(path_expression(field) for field in index)
                name = f"ix_{collection.name}__{'__'.join(index)}".replace(".", "_")
                run(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{collection.name}" ({columns}, id)')
        run("COMMIT")
        run("PRAGMA busy_timeout = 0")  # from here on waiting is asynchronous

    async def get(self, collection: str, id: str) -> dict[str, JsonValue] | None:
        require_collection(collection, self._collections)
        return read_one(self._reader, collection, id)

    async def query(self, query: Query) -> Page:
        require_index(query, self._collections)
        return read_page(self._reader, query)

    async def create(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        async def fn(tx: Transaction) -> None:
            tx.create(collection, id, data)

        await self.transaction(fn)

    async def set(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        async def fn(tx: Transaction) -> None:
            tx.set(collection, id, data)

        await self.transaction(fn)

    async def delete(self, collection: str, id: str) -> None:
        async def fn(tx: Transaction) -> None:
            tx.delete(collection, id)

        await self.transaction(fn)

    async def transaction(self, fn: Callable[[Transaction], Awaitable[T]]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(fn, future, contextvars.copy_context()))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._commit_groups())
        return await future

    async def ping(self) -> None:
        self._reader.execute("SELECT 1").fetchone()

    async def close(self) -> None:
        if self._drain is not None:
            await self._drain
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def _commit_groups(self) -> None:
        while self._pending:
            try:
                await self._begin()
            except (Contention, sqlite3.Error) as error:
                self._fail_all(error if isinstance(error, Contention) else _unwritten(error))
                return
            done: list[tuple[_Pending, Any, Exception | None]] = []
            try:
                self._run_group(done)
                self._delete_expired()
                await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.execute, "COMMIT")
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                done = [(pending, None, _unwritten(error)) for pending, _, _ in done]
            for pending, result, failure in done:
                if pending.future.done():
                    continue  # cancelled by its caller
                if failure is None:
                    pending.future.set_result(result)
                else:
                    pending.future.set_exception(failure)

    async def _begin(self) -> None:
        deadline = asyncio.get_running_loop().time() + _BUSY_SECONDS
        wait = 0.0005
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise
                if asyncio.get_running_loop().time() > deadline:
                    raise Contention("the store stayed locked by another process") from error
            await asyncio.sleep(wait * (0.5 + random.random()))
            wait = min(wait * 2, 0.02)

    def _run_group(self, done: list[tuple[_Pending, Any, Exception | None]]) -> None:
        """Run what is pending, appending results and the callers' own errors to `done`.

        Errors too are told after the commit: they may rest on what an earlier one of the group wrote.
        """
        while self._pending and len(done) < _GROUP:
            pending = self._pending.popleft()
            if pending.future.cancelled():
                continue
            tx = SqliteTransaction(self._writer, self._collections)
            failure: Exception | None = None
            result = None
            try:
                result = pending.context.run(_run_to_end, pending.fn, tx)
                if tx.wrote:
                    self._apply(tx)
            except Exception as error:
                failure = _unwritten(error) if isinstance(error, sqlite3.Error) else error
            done.append((pending, result, failure))
            if not self._writer.in_transaction:  # SQLite gave the whole transaction up (disk full, I/O error)
                raise sqlite3.OperationalError(f"transaction lost: {failure}")

    def _apply(self, tx: SqliteTransaction) -> None:
        self._writer.execute("SAVEPOINT one")
        try:
            tx.apply()
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK TO one")
            raise
        finally:
            if self._writer.in_transaction:
                self._writer.execute("RELEASE one")

    def _delete_expired(self) -> None:
        if time.monotonic() < self._next_expiry:
            return
        self._next_expiry = time.monotonic() + self._expiry_seconds
        now = to_timestamp(datetime.now(UTC))
        for collection in self._collections.values():
            if collection.ttl_field is not None:
                # names are declared ones, see select
                self._writer.execute(
                    f'DELETE FROM "{collection.name}" WHERE id IN (SELECT id FROM "{collection.name}" '  # noqa: S608
                    f"WHERE {path_expression(collection.ttl_field)} < ? LIMIT {_EXPIRY_BATCH})",
                    (now,),
                )

    def _fail_all(self, error: BaseException) -> None:
        while self._pending:
            pending = self._pending.popleft()
            if not pending.future.done():
                pending.future.set_exception(error)

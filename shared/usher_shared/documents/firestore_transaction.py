"""One attempt of a transaction on Firestore: reads under the server's locks, writes kept for the commit.

The server transaction begins with the first read; without reads there is none, a commit is atomic by itself.

A commit whose answer is lost is inquired after, never guessed: the transaction is rolled back (so that it cannot happen
later), then the document that carries the commit's name tells whether it did happen.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from google.cloud.firestore_v1.types import common, write

from usher_shared.documents.collections import Collection, require_collection, require_index
from usher_shared.documents.firestore_connection import FirestoreConnection, GivenUp, Unanswered, answered
from usher_shared.documents.firestore_queries import structured_query, to_page
from usher_shared.documents.firestore_values import COMMIT_FIELD, fill_document, read_fields, stored_id
from usher_shared.documents.limits import check_id, serialize
from usher_shared.documents.locks import Locks, Mode
from usher_shared.documents.ports import AlreadyExists, Contention, JsonValue, Page, Query
from usher_shared.errors import Unavailable

R = TypeVar("R")
_COMMITS = 3
_UNKNOWN = "the document store lost the answer: whether it wrote is not known"
_new_write = type(write.Write.pb(write.Write()))


def document_name(connection: FirestoreConnection, collection: str, id: str) -> str:
    """The full name that a document is stored under. Raises ValueError for what is no id."""
    return f"{connection.root}/{collection}/{stored_id(check_id(id))}"


def _target(message: Any) -> str:
    """The name of the document that a write is about."""
    return str(message.delete or message.update.name)


@dataclass(slots=True)
class Habits:
    """What a transaction function was seen to do: a forecast of which locks its next run needs. Grows only."""

    writes: set[str] = field(default_factory=set)
    queries: set[str] = field(default_factory=set)


class FirestoreTransaction:
    """`whole_collections`: the server locks a collection for a query, as the emulator does, not a range of an index."""

    def __init__(
        self,
        connection: FirestoreConnection,
        collections: Mapping[str, Collection],
        locks: Locks,
        habits: Habits,
        *,
        whole_collections: bool,
        previous: bytes,
        deadline: float,
    ) -> None:
        self._connection = connection
        self._collections = collections
        self._locks = locks
        self._habits = habits
        self._whole = whole_collections
        self._deadline = deadline  # of loop.time()
        # keeps the earlier attempt's place in the line
        self._options = common.TransactionOptions(
            read_write=common.TransactionOptions.ReadWrite(retry_transaction=previous)
        )
        self.server_id = b""
        self._open = False
        self._first: asyncio.Future[Any] | None = None
        self._seen: dict[str, Any] = {}
        self._writes: list[Any] = []
        self._written: set[str] = set()
        self._name = secrets.token_hex(8)

    async def begin(self) -> None:
        """Take the locks on whole collections that this function is known to need, in one order for all."""
        if self._whole:
            for collection in sorted(self._habits.writes | self._habits.queries):
                await self._lock_collection(
                    collection, collection in self._habits.queries, collection in self._habits.writes
                )

    async def _lock_collection(self, collection: str, queries: bool, writes: bool) -> None:
        mode = Mode.EXCLUSIVE if queries and writes else Mode.READ if queries else Mode.WRITE
        await self._take(collection, mode)

    async def _take(self, name: Hashable, mode: Mode) -> None:
        """Queue for it. Raises Contention at the deadline: whoever holds it may itself be waiting for the server."""
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._locks.take(name, mode)
        except TimeoutError as error:
            raise Contention("others hold the same documents", retry_after_seconds=1.0) from error

    def _assert_reading(self) -> None:
        if self._writes:
            raise RuntimeError("a transaction reads before it writes (Firestore's rule)")

    async def get(self, collection: str, id: str) -> dict[str, JsonValue] | None:
        self._assert_reading()
        require_collection(collection, self._collections)
        name = document_name(self._connection, collection, id)
        await self._take((name,), Mode.EXCLUSIVE if collection in self._habits.writes else Mode.READ)
        found = await self._read(partial(self._connection.get, name))
        self._seen[name] = None if found is None else found.update_time
        return None if found is None else read_fields(found.fields)

    async def query(self, query: Query) -> Page:
        self._assert_reading()
        require_index(query, self._collections)
        message = structured_query(query, self._connection.root)
        self._habits.queries.add(query.collection)
        if self._whole:
            await self._lock_collection(query.collection, True, query.collection in self._habits.writes)
        else:  # transactions that ask alike meet here, before each holds a range of the index that the other writes to
            asked = tuple(sorted((f.field, f.value) for f in query.where if f.op == "=="))
            alone = query.collection in self._habits.writes
            await self._take((query.collection, asked), Mode.EXCLUSIVE if alone else Mode.READ)
        return to_page(query, await self._read(partial(self._connection.query, message)))

    async def _read(self, call: Callable[..., Awaitable[tuple[R, bytes]]]) -> R:
        """The first read begins the server's transaction. Its answer is waited for even when the caller is cancelled:
        it alone names what has to be rolled back, and until then the server would keep the locks (a minute).
        """
        if self._first is None:
            first: asyncio.Future[tuple[R, bytes]] = asyncio.ensure_future(call(transaction=b"", options=self._options))
            self._first = first
            found, self.server_id = await asyncio.shield(first)
            self._open = True
            return found
        if not self._open:  # another read of this transaction is under way and will say which one it is
            await asyncio.shield(self._first)
        found, _ = await call(transaction=self.server_id)
        return found

    def create(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        self._put(collection, id, data).current_document.exists = False

    def set(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        self._put(collection, id, data)

    def delete(self, collection: str, id: str) -> None:
        message = _new_write()
        require_collection(collection, self._collections)
        message.delete = document_name(self._connection, collection, id)
        self._add(collection, message)

    def _add(self, collection: str, message: Any) -> None:
        self._habits.writes.add(collection)
        self._written.add(collection)
        self._writes.append(message)

    def _put(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> Any:
        declared = require_collection(collection, self._collections)
        name = document_name(self._connection, collection, id)
        serialize(data)
        message = _new_write()
        message.update.name = name
        fill_document(message.update.fields, id, data, declared.ttl_field)
        self._add(collection, message)
        return message

    async def commit(self) -> None:
        """Write everything, or nothing and raise: AlreadyExists, GivenUp (run the function again), Unavailable."""
        if not self._writes:
            return
        for collection in sorted(self._written) if self._whole else ():
            await self._take(collection, Mode.WRITE)
        for name in sorted({_target(message) for message in self._writes}):
            await self._take((name,), Mode.EXCLUSIVE)
        carrier = self._mark()
        failures = 0
        while True:
            try:
                await self._connection.commit(self._writes, self.server_id)
            except (AlreadyExists, GivenUp):
                # without a server transaction, an earlier try may have arrived and be what is in the way
                if failures and await self._happened(carrier):
                    return
                raise
            except Unanswered as error:
                failures += 1
                if await self._settled(carrier):
                    return
                if failures == _COMMITS:
                    raise Unavailable(error.detail, code=error.code, retry_after_seconds=1.0) from error
            else:
                self._open = False
                return

    def _mark(self) -> str | None:
        """Put the commit's name into one document that will stand after it; that document's name."""
        last = {_target(message): message for message in self._writes}
        for name, message in last.items():
            if message.HasField("update"):
                message.update.fields[COMMIT_FIELD].string_value = self._name
                return name
        return None

    async def _settled(self, carrier: str | None) -> bool:
        """After a lost answer: True if the commit happened; False if it may be tried again as it is.

        Raises GivenUp if it did not happen and the function has to run again, Unavailable if nobody can tell.
        """
        try:
            if self.server_id:
                await answered(lambda: self._connection.rollback(self.server_id))
                self._open = False
            if await self._happened(carrier):
                return True
            if not self.server_id:
                return False
            for name in {_target(message) for message in self._writes} & self._seen.keys():
                before = self._seen[name]
                now, _ = await answered(partial(self._connection.get, name))
                if before is not None and now is not None and now.update_time == before:
                    raise GivenUp("the commit was lost before it arrived")
        except Unanswered as error:
            raise Unavailable(_UNKNOWN, code=error.code, retry_after_seconds=1.0) from error
        raise Unavailable(_UNKNOWN, code="store_unavailable", retry_after_seconds=1.0)

    async def _happened(self, carrier: str | None) -> bool:
        if carrier is None:
            return False
        try:
            found, _ = await answered(lambda: self._connection.get(carrier))
        except Unanswered as error:  # not to be taken for a read of the function, which would run again
            raise Unavailable(_UNKNOWN, code=error.code, retry_after_seconds=1.0) from error
        return found is not None and found.fields[COMMIT_FIELD].string_value == self._name

    async def end(self) -> None:
        """Let go of everything; what was not committed is rolled back at once, so that nobody waits for it."""
        try:
            if self._first is not None and not self.server_id:
                with suppress(Exception):  # a read that failed began nothing that has a name
                    _, self.server_id = await self._first
                    self._open = True
            if self._open:
                with suppress(Unanswered):
                    await self._connection.rollback(self.server_id)
        finally:
            self._locks.release()

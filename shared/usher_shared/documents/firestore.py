"""DocumentStore on Firestore (Native mode), one database per service.

Serializability is the server's: a transaction reads under its locks. Conflicts are dear there (about 2 s each on the
emulator; rounds of retries on the service), so transactions of one process queue for the same documents before they
reach it (`locks`); only those of different processes meet at the server, and are run again with jitter.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from usher_shared.documents.backoff import pause_seconds
from usher_shared.documents.collections import Collection, load_collections, require_collection, require_index
from usher_shared.documents.firestore_connection import FirestoreConnection, GivenUp, Unanswered, Usage, answered
from usher_shared.documents.firestore_queries import structured_query, to_page
from usher_shared.documents.firestore_transaction import FirestoreTransaction, Habits, document_name
from usher_shared.documents.firestore_values import read_fields
from usher_shared.documents.locks import Deadlock, LockTable
from usher_shared.documents.ports import Contention, JsonValue, Page, Query, Transaction

T = TypeVar("T")
_PATIENCE_SECONDS = 20.0
_UNANSWERED = 3


def _declared(database: str) -> dict[str, Collection]:
    owner = database.removeprefix("usher-")
    return {name: collection for name, collection in load_collections().items() if owner in collection.databases}


class FirestoreDocumentStore:
    """Open with `FirestoreDocumentStore("my-project", "usher-tools")`: it connects on first use, in that event loop.

    Knows the collections that are declared for the database `usher-<...>` unless told others. `emulator` is the
    `host:port` of the official emulator; without it the default credentials reach Google's service. Without an answer
    every call raises Unavailable within seconds; the next call tries anew. `patience_seconds` is how long conflicts are
    retried before Contention.
    """

    def __init__(
        self,
        project: str,
        database: str,
        collections: Mapping[str, Collection] | None = None,
        *,
        emulator: str | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._collections = _declared(database) if collections is None else collections
        self._connection = FirestoreConnection(project, database, emulator)
        self._whole_collections = emulator is not None
        self._patience_seconds = patience_seconds
        self._table = LockTable()
        self._habits: defaultdict[object, Habits] = defaultdict(Habits)
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def usage(self) -> Usage:
        """Documents read and written so far, conflicts met."""
        return self._connection.usage

    async def get(self, collection: str, id: str) -> dict[str, JsonValue] | None:
        require_collection(collection, self._collections)
        name = document_name(self._connection, collection, id)
        found, _ = await answered(lambda: self._connection.get(name))
        return None if found is None else read_fields(found.fields)

    async def query(self, query: Query) -> Page:
        require_index(query, self._collections)
        message = structured_query(query, self._connection.root)
        found, _ = await answered(lambda: self._connection.query(message))
        return to_page(query, found)

    async def create(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        async def fn(tx: Transaction) -> None:
            tx.create(collection, id, data)

        await self._run(fn, Habits({collection}))

    async def set(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        async def fn(tx: Transaction) -> None:
            tx.set(collection, id, data)

        await self._run(fn, Habits({collection}))

    async def delete(self, collection: str, id: str) -> None:
        async def fn(tx: Transaction) -> None:
            tx.delete(collection, id)

        await self._run(fn, Habits({collection}))

    async def transaction(self, fn: Callable[[Transaction], Awaitable[T]]) -> T:
        # functions of one definition do alike; what has none (a partial) is learned about anew each time
        code = getattr(fn, "__code__", None)
        return await self._run(fn, Habits() if code is None else self._habits[code])

    async def ping(self) -> None:
        await self._connection.ping()

    async def close(self) -> None:
        if self._endings:
            await asyncio.wait(self._endings)
        await self._connection.close()

    async def _run(self, fn: Callable[[Transaction], Awaitable[T]], habits: Habits) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_seconds
        conflicts, unanswered, server_id = 0, 0, b""
        while True:
            tx = FirestoreTransaction(
                self._connection,
                self._collections,
                self._table.locks(),
                habits,
                whole_collections=self._whole_collections,
                previous=server_id,
                deadline=deadline,
            )
            try:
                await tx.begin()
                result = await fn(tx)
                await tx.commit()
            except Deadlock:
                self.usage.deadlocks += 1
                failure: Exception | None = None
            except GivenUp as error:
                self.usage.conflicts += 1
                failure = error
            except Unanswered as error:  # of a read: nothing was written
                unanswered += 1
                if unanswered == _UNANSWERED or not error.again:
                    raise
                failure = error
            else:
                return result
            finally:
                await self._end(tx)
            conflicts += 1
            if loop.time() > deadline:
                raise Contention("others kept changing the same documents", retry_after_seconds=1.0) from failure
            server_id = tx.server_id
            await asyncio.sleep(pause_seconds(conflicts, first=0.02, most=1.0))

    async def _end(self, tx: FirestoreTransaction) -> None:
        """Also for a caller that is cancelled meanwhile: its documents are not left locked."""
        ending = asyncio.ensure_future(tx.end())
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        await asyncio.shield(ending)

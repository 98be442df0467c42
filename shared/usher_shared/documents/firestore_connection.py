"""Calls to one Firestore database: connected on first use, with short deadlines, the port's errors and a tally.

The generated client is used rather than the hand-written one: transactions need their single calls (a transaction that
begins with its first read, a commit that is inquired after when its answer is lost).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import google.auth
import grpc.aio
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_v1.services.firestore import FirestoreAsyncClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from google.cloud.firestore_v1.types import firestore as types

from usher_shared.documents.backoff import pause_seconds
from usher_shared.documents.ports import AlreadyExists, MissingIndex
from usher_shared.errors import Unavailable, UpstreamFailed

T = TypeVar("T")
_CALLS = 64  # at once; the others wait without a deadline, which would count this process's own delay
_READ_SECONDS = 5.0
_COMMIT_SECONDS = 10.0  # a commit may wait for locks of other processes (the emulator gives up after 2 s)
_PING_SECONDS = 2.0
_CHANNEL = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # after an outage, back within a second or two; the default waits for up to two minutes
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
_ENDED = re.compile(
    r"invalid transaction|transaction.*(expired|invalid|no longer|not found|closed)", re.IGNORECASE | re.DOTALL
)


class GivenUp(Exception):
    """The server ended the transaction: others were in the way, or it took too long. Nothing was written."""


class Unanswered(Unavailable):
    """No answer; what was asked may have happened. `again`: at once is not too early."""

    code = "store_unavailable"

    def __init__(self, detail: str, *, again: bool) -> None:
        super().__init__(detail, retry_after_seconds=1.0)
        self.again = again


async def answered(call: Callable[[], Awaitable[T]]) -> T:
    """The call's result, asked up to three times; for calls that may happen twice. Raises Unanswered."""
    failures = 0
    while True:
        try:
            return await call()
        except Unanswered as error:
            failures += 1
            if failures == 3 or not error.again:
                raise
        except GivenUp as error:  # outside a transaction the server may abort a call too: nothing to run again there
            failures += 1
            if failures == 3:
                raise Unanswered("the document store does not answer", again=False) from error
        await asyncio.sleep(pause_seconds(failures, first=0.2, most=1.0))


@dataclass(slots=True)
class Usage:
    """Documents, as Firestore bills them: an empty query and a missing document are one read each.

    `conflicts` are transactions that the server gave up, `deadlocks` those that gave up before they met there.
    Source: https://firebase.google.com/docs/firestore/pricing
    """

    reads: int = 0
    writes: int = 0
    deletes: int = 0
    conflicts: int = 0
    deadlocks: int = 0


def meaning(error: GoogleAPICallError) -> Exception:
    """What a failed call means here: the error to raise instead."""
    status, message = error.grpc_status_code, error.message or ""
    found: Exception
    if status == grpc.StatusCode.ABORTED:
        found = GivenUp(message)
    elif status == grpc.StatusCode.ALREADY_EXISTS:
        found = AlreadyExists("a document of that id exists")
    elif status == grpc.StatusCode.DEADLINE_EXCEEDED:
        found = Unanswered("the document store did not answer in time", again=False)
    elif status == grpc.StatusCode.INVALID_ARGUMENT:
        found = GivenUp(message) if _ENDED.search(message) else ValueError(f"beyond a limit of Firestore: {message}")
    elif status == grpc.StatusCode.FAILED_PRECONDITION and "index" in message:
        found = MissingIndex(message)
    elif status in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ):
        found = Unanswered("the document store does not answer", again=True)
    else:
        name = status.name if status is not None else "unknown"
        found = UpstreamFailed(f"the document store refused: {name}", code="store_refused")
    return found


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except GoogleAPICallError as error:
        raise meaning(error) from error
    except GoogleAuthError as error:
        raise Unanswered("no credentials for the document store", again=False) from error


class FirestoreConnection:
    """`emulator` is the `host:port` of an emulator; without it, Google's service with the default credentials."""

    def __init__(self, project: str, database: str, emulator: str | None) -> None:
        self.database = f"projects/{project}/databases/{database}"
        self.root = f"{self.database}/documents"
        self.usage = Usage()
        self._emulator = emulator
        self._metadata = [("google-cloud-resource-prefix", self.database)]
        if emulator is not None:
            self._metadata.append(("authorization", "Bearer owner"))
        self._client: FirestoreAsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._calls = asyncio.Semaphore(_CALLS)

    async def _connected(self) -> FirestoreAsyncClient:
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    self._client = await self._connect()
        return self._client

    async def _connect(self) -> FirestoreAsyncClient:
        transport = FirestoreGrpcAsyncIOTransport
        if self._emulator is not None:
            channel = grpc.aio.insecure_channel(self._emulator, options=_CHANNEL)
            made = transport(host=self._emulator, channel=channel, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
            return FirestoreAsyncClient(transport=made)
        # finding credentials reads files and may ask the metadata server
        credentials, _ = await asyncio.to_thread(google.auth.default, scopes=transport.AUTH_SCOPES)
        channel = transport.create_channel(credentials=credentials, options=_CHANNEL)
        return FirestoreAsyncClient(transport=transport(channel=channel))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the calls at once, its failures as the port's errors."""
        async with self._calls:
            with _translated():
                yield

    async def _stream(self, call: str, request: Any, seconds: float) -> AsyncIterator[Any]:
        """The answers, as generated messages. The deadline covers all of them."""
        client = await self._connected()
        stream = await getattr(client, call)(request=request, retry=None, timeout=seconds, metadata=self._metadata)
        async for answer in stream:
            yield type(answer).pb(answer)

    async def get(self, name: str, *, transaction: bytes = b"", options: Any = None) -> tuple[Any | None, bytes]:
        """The document (None if there is none), and the transaction: the one given, or begun with `options`."""
        async with self._turn():
            return await self._get(name, transaction, options, _READ_SECONDS)

    async def _get(self, name: str, transaction: bytes, options: Any, seconds: float) -> tuple[Any | None, bytes]:
        request = types.BatchGetDocumentsRequest(database=self.database, documents=[name])
        _place(request, transaction, options)
        found = None
        async for answer in self._stream("batch_get_documents", request, seconds):
            transaction = answer.transaction or transaction
            if answer.HasField("found"):
                found = answer.found
        self.usage.reads += 1
        return found, transaction

    async def query(self, query: Any, *, transaction: bytes = b"", options: Any = None) -> tuple[list[Any], bytes]:
        """The documents that a StructuredQuery message finds, and the transaction as in `get`."""
        request = types.RunQueryRequest(parent=self.root)
        types.RunQueryRequest.pb(request).structured_query.CopyFrom(query)
        _place(request, transaction, options)
        found = []
        async with self._turn():
            async for answer in self._stream("run_query", request, _READ_SECONDS):
                transaction = answer.transaction or transaction
                if answer.HasField("document"):
                    found.append(answer.document)
        self.usage.reads += max(len(found), 1)
        return found, transaction

    async def commit(self, writes: Sequence[Any], transaction: bytes = b"") -> None:
        """All writes (messages) or none."""
        request = types.CommitRequest(database=self.database, transaction=transaction)
        types.CommitRequest.pb(request).writes.extend(writes)
        async with self._turn():
            client = await self._connected()
            await client.commit(request=request, retry=None, timeout=_COMMIT_SECONDS, metadata=self._metadata)
        deletes = sum(write.HasField("delete") for write in writes)
        self.usage.deletes += deletes
        self.usage.writes += len(writes) - deletes

    async def rollback(self, transaction: bytes) -> None:
        """End the transaction without effect, if it has not ended yet."""
        request = types.RollbackRequest(database=self.database, transaction=transaction)
        try:
            async with self._turn():
                client = await self._connected()
                await client.rollback(request=request, retry=None, timeout=_READ_SECONDS, metadata=self._metadata)
        except (GivenUp, UpstreamFailed, ValueError):
            return  # it had ended

    async def ping(self) -> None:
        """One read, of a document that is not there."""
        with _translated():  # before the others: it asks for the server, not for this process
            await self._get(f"{self.root}/ping/ping", b"", None, _PING_SECONDS)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]


def _place(request: Any, transaction: bytes, options: Any) -> None:
    """Put a read into a transaction, or let it begin one."""
    if transaction:
        request.transaction = transaction
    elif options is not None:
        request.new_transaction = options

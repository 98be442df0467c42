"""Rows into the table's default stream by the Storage Write API: durable and readable once acknowledged, at least once.

https://cloud.google.com/bigquery/docs/write-api-streaming, /write-api-best-practices. Google's own `AppendRowsStream`
runs three threads a connection; here one asyncio call stays open and is opened anew when it breaks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import orjson
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.services.big_query_write import BigQueryWriteAsyncClient
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from usher_logger.adapters.bigquery_connection import BigQueryConnection
from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import RowsRejected
from usher_logger.warehouse.schema import Table
from usher_shared.errors import Unavailable

_LOG = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# a request may have 10 MB (https://cloud.google.com/bigquery/quotas#write-api-limits); the rest is for the envelope
REQUEST_BYTES = 9_500_000
_BROKEN = (GoogleAPICallError, grpc.RpcError, GoogleAuthError, EOFError)

_Field = descriptor_pb2.FieldDescriptorProto
# https://cloud.google.com/bigquery/docs/supported-data-types#supported_protocol_buffer_data_types
_TYPES = {"STRING": _Field.TYPE_STRING, "JSON": _Field.TYPE_STRING, "TIMESTAMP": _Field.TYPE_INT64}
_LABELS = {"REQUIRED": _Field.LABEL_REQUIRED, "NULLABLE": _Field.LABEL_OPTIONAL}


def describe(table: Table) -> descriptor_pb2.DescriptorProto:
    """The message that one row of the table is, proto2."""
    message = descriptor_pb2.DescriptorProto(name="Row")
    for number, column in enumerate(table.columns, 1):
        message.field.add(name=column.name, number=number, type=_TYPES[column.type], label=_LABELS[column.mode])
    return message


def _message_class(description: descriptor_pb2.DescriptorProto) -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(name="usher_row.proto", syntax="proto2", message_type=[description])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(description.name))
    return made


class RowEncoder:
    """Rows of the table `events` in the wire's form."""

    def __init__(self, description: descriptor_pb2.DescriptorProto) -> None:
        self._message = _message_class(description)

    def encode(self, row: EventRow) -> bytes:
        """Times become microseconds since 1970. Raises RowsRejected for what no table can hold."""
        try:
            orjson.loads(row.data)
            fields: dict[str, Any] = {
                "id": row.id,
                "type": row.type,
                "source": row.source,
                "time": (row.time - _EPOCH) // _MICROSECOND,
                "data": row.data,
                "received_at": (row.received_at - _EPOCH) // _MICROSECOND,
            }
            if row.subject is not None:
                fields["subject"] = row.subject
            encoded: bytes = self._message(**fields).SerializeToString()
        except ValueError as error:  # no JSON, lone surrogates
            raise RowsRejected(f"the warehouse refuses the row {row.id!r}: {error}"[:500]) from error
        if len(encoded) > REQUEST_BYTES:
            raise RowsRejected(f"the row {row.id!r} has {len(encoded)} bytes, more than {REQUEST_BYTES}")
        return encoded


def split(rows: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The rows in order, in requests of at most REQUEST_BYTES."""
    request: list[bytes] = []
    size = 0
    for row in rows:
        if request and size + len(row) > REQUEST_BYTES:
            yield request
            request, size = [], 0
        request.append(row)
        size += len(row) + 8  # tag and length
    if request:
        yield request


class _Call:
    """One open AppendRows call. Requests and answers take turns."""

    def __init__(self, client: BigQueryWriteAsyncClient, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._requests: asyncio.Queue[types.AppendRowsRequest] = asyncio.Queue()
        self._answers: AsyncIterator[types.AppendRowsResponse] | None = None
        self._call: Any = None

    async def exchange(self, request: types.AppendRowsRequest) -> types.AppendRowsResponse:
        """The answer to the request. Raises GoogleAPICallError, and EOFError if the server ended the call."""
        self._requests.put_nowait(request)
        if self._answers is None:
            call: AsyncIterable[types.AppendRowsResponse] = await self._client.append_rows(
                self._send(),
                retry=None,
                timeout=None,
                # BigQuery routes by it, and no generated client sends it for a stream of requests
                metadata=[("x-goog-request-params", f"write_stream={self._stream}")],
            )
            self._call, self._answers = call, aiter(call)
        answer = await anext(self._answers, None)
        if answer is None:
            raise EOFError("the server ended the call")
        return answer

    async def _send(self) -> AsyncIterator[types.AppendRowsRequest]:
        while True:
            yield await self._requests.get()

    def cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()


class BigQueryWriter:
    """Appends to one table's default stream, a request at a time over one connection."""

    def __init__(self, connection: BigQueryConnection, dataset: str, table: Table, *, append_seconds: float) -> None:
        self._connection = connection
        self._stream = f"projects/{connection.project}/datasets/{dataset}/tables/{table.name}/streams/_default"
        self._description = describe(table)
        self._encoder = RowEncoder(self._description)
        self._append_seconds = append_seconds
        self._turn = asyncio.Lock()
        self._client: BigQueryWriteAsyncClient | None = None
        self._call: _Call | None = None

    async def append(self, rows: Sequence[EventRow]) -> None:
        """Return once all are durable. Raises RowsRejected, Unavailable (within `append_seconds`)."""
        encoded = [self._encoder.encode(row) for row in rows]
        try:
            async with asyncio.timeout(self._append_seconds), self._turn:
                for request in split(encoded):
                    await self._append(request)
        except TimeoutError as error:
            raise _unavailable(f"no answer in {self._append_seconds:g} s") from error

    async def close(self) -> None:
        self._drop_call()
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]

    async def _append(self, rows: list[bytes]) -> None:
        while True:
            used = self._call is not None
            try:
                answer = await self._exchange(rows)
            except BaseException as error:
                self._drop_call()  # an answer may still come, and would be taken for the next request's
                if not isinstance(error, _BROKEN):
                    raise
                if used:  # BigQuery ends idle connections; a new one tells whether there is more to it
                    _LOG.info("the append connection broke", extra={"error": repr(error)[:500]})
                    continue
                raise _unavailable(repr(error)) from error
            if answer.row_errors:
                reasons = "; ".join(f"{failed.index}: {failed.message}" for failed in answer.row_errors)
                raise RowsRejected(f"BigQuery refuses the rows: {reasons}"[:500])
            if answer.error.code:
                raise _unavailable(f"{grpc_status(answer.error.code)}: {answer.error.message}")
            return

    async def _exchange(self, rows: list[bytes]) -> types.AppendRowsResponse:
        if self._client is None:
            make: Callable[[], BigQueryWriteAsyncClient] = await asyncio.to_thread(self._connection.find_writer)
            self._client = make()
        data = types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=rows))
        request = types.AppendRowsRequest(write_stream=self._stream, proto_rows=data)
        if self._call is None:  # the first request of a call says what the rows are
            request.proto_rows.writer_schema = types.ProtoSchema(proto_descriptor=self._description)
            self._call = _Call(self._client, self._stream)
        return await self._call.exchange(request)

    def _drop_call(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()


def grpc_status(code: int) -> str:
    """The name of a status code on the wire, such as 8: RESOURCE_EXHAUSTED."""
    return next((status.name for status in grpc.StatusCode if status.value[0] == code), str(code))


def _unavailable(reason: str) -> Unavailable:
    _LOG.error("the warehouse failed", extra={"error": reason[:500]})
    return Unavailable("the warehouse cannot answer", retry_after_seconds=1)

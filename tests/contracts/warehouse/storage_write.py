"""A server of google.cloud.bigquery.storage.v1.BigQueryWrite that records AppendRows and answers what a test says.

It speaks Google's published messages (google-cloud-bigquery-storage) and answers as their reference documents:
https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.rpc import code_pb2, status_pb2

from served import HOST

APPEND_ROWS = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows"
OK = types.AppendRowsResponse(append_result=types.AppendRowsResponse.AppendResult())


def refused(code: int, message: str, *row_errors: types.RowError) -> types.AppendRowsResponse:
    return types.AppendRowsResponse(error=status_pb2.Status(code=code, message=message), row_errors=row_errors)


def malformed(index: int, message: str) -> types.AppendRowsResponse:
    error = types.RowError(index=index, code=types.RowError.RowErrorCode.FIELDS_ERROR, message=message)
    return refused(code_pb2.INVALID_ARGUMENT, "Errors found while processing rows.", error)


@dataclass
class Call:
    """One AppendRows call: its metadata and its requests, as they came."""

    metadata: list[tuple[str, str]]
    requests: list[types.AppendRowsRequest] = field(default_factory=list)

    def rows(self) -> list[list[dict[str, Any]]]:
        """The rows of each request, read by the schema that the client sent."""
        schema = self.requests[0].proto_rows.writer_schema.proto_descriptor
        file = descriptor_pb2.FileDescriptorProto(name="sent.proto", syntax="proto2", message_type=[schema])
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        message = message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))
        return [
            [
                json_format.MessageToDict(message.FromString(row), preserving_proto_field_name=True)
                for row in request.proto_rows.rows.serialized_rows
            ]
            for request in self.requests
        ]


class StorageWrite:
    """`answers`: what the next requests get; a status code ends the call with it, an event is waited for, then OK."""

    def __init__(self, port: int) -> None:
        self.address = f"{HOST}:{port}"
        self.calls: list[Call] = []
        self.answers: deque[types.AppendRowsResponse | grpc.StatusCode | asyncio.Event] = deque()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", 10_000_000)])  # BigQuery's limit
        handler = grpc.stream_stream_rpc_method_handler(
            self._append_rows,
            request_deserializer=types.AppendRowsRequest.deserialize,
            response_serializer=types.AppendRowsResponse.serialize,
        )
        service, method = APPEND_ROWS.strip("/").split("/")
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
        self._server.add_insecure_port(self.address)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def _append_rows(
        self, requests: AsyncIterator[types.AppendRowsRequest], context: Any
    ) -> AsyncIterator[types.AppendRowsResponse]:
        call = Call([(key, value) for key, value in context.invocation_metadata()])
        self.calls.append(call)
        async for request in requests:
            call.requests.append(request)
            answer = self.answers.popleft() if self.answers else OK
            if isinstance(answer, grpc.StatusCode):
                await context.abort(answer, "Closing the stream because server is closed due to idle connection.")
            if isinstance(answer, asyncio.Event):
                await answer.wait()
                answer = OK
            yield answer

"""What goes over the wire to the Storage Write API, and what its documented refusals become.

bqemulator never refuses a row and never ends a call, so these run against a recording server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.rpc import code_pb2

from contracts.warehouse.storage_write import StorageWrite, malformed, refused
from contracts.warehouse.suite import NOW, row
from served import free_port
from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_logger.adapters.bigquery_writer import REQUEST_BYTES, BigQueryWriter
from usher_logger.warehouse.ports import RowsRejected
from usher_logger.warehouse.schema import load_schema
from usher_shared.errors import Unavailable

STREAM = "projects/p/datasets/d/tables/event_log/streams/_default"
MICROSECOND = timedelta(microseconds=1)


def make_writer(server: StorageWrite, append_seconds: float = 20.0) -> BigQueryWriter:
    connection = BigQueryConnection("p", Emulator(rest="", grpc=server.address))
    return BigQueryWriter(connection, "d", load_schema().table, append_seconds=append_seconds)


@pytest.fixture
async def server() -> AsyncIterator[StorageWrite]:
    server = StorageWrite(free_port())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def writer(server: StorageWrite) -> AsyncIterator[BigQueryWriter]:
    writer = make_writer(server)
    yield writer
    await writer.close()


async def test_rows_go_to_the_default_stream_with_their_schema_once_over_one_call(server, writer) -> None:
    early = datetime(1, 1, 1, tzinfo=UTC)
    await writer.append([row("E1", '{"a": "ü"}', subject="S"), row("E2", time=early)])
    await writer.append([row("E3")])
    (call,) = server.calls
    assert ("x-goog-request-params", f"write_stream={STREAM}") in call.metadata
    assert [request.write_stream for request in call.requests] == [STREAM] * 2
    sent = [type(request).pb(request) for request in call.requests]
    assert [request.proto_rows.HasField("writer_schema") for request in sent] == [True, False]
    assert not any(request.HasField("offset") for request in sent)  # the default stream has none
    micros = str((NOW - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND)
    kept = {"type": "usher.error_occurred.v1", "source": "usher/tests", "received_at": micros}
    assert call.rows() == [
        [
            {"id": "E1", "time": micros, "subject": "S", "data": '{"a": "ü"}', **kept},
            {"id": "E2", "time": "-62135596800000000", "data": "{}", **kept},
        ],
        [{"id": "E3", "time": micros, "data": "{}", **kept}],
    ]


async def test_a_row_that_bigquery_refuses_is_rejected_and_the_call_goes_on(server, writer) -> None:
    server.answers.append(malformed(1, "Field data: number out of range"))
    with pytest.raises(RowsRejected, match="1: Field data: number out of range"):
        await writer.append([row("E1"), row("E2")])
    await writer.append([row("E1")])
    (call,) = server.calls
    assert len(call.requests) == 2


@pytest.mark.parametrize(
    "code", [code_pb2.INTERNAL, code_pb2.ABORTED, code_pb2.RESOURCE_EXHAUSTED, code_pb2.INVALID_ARGUMENT]
)
async def test_a_refusal_that_names_no_row_may_pass(server, writer, code) -> None:
    """INVALID_ARGUMENT alone too: a table that lacks a column is our mistake, not the events'."""
    server.answers.append(refused(code, "not now"))
    with pytest.raises(Unavailable):
        await writer.append([row("E1")])
    await writer.append([row("E1")])


async def test_a_call_that_bigquery_ends_is_opened_anew_unseen(server, writer) -> None:
    await writer.append([row("E1")])
    server.answers.append(grpc.StatusCode.ABORTED)
    await writer.append([row("E2")])
    assert [[each["id"] for each in request] for call in server.calls for request in call.rows()] == [
        ["E1"],
        ["E2"],
        ["E2"],
    ]


async def test_a_call_that_ends_again_is_unavailable(server, writer) -> None:
    await writer.append([row("E1")])
    server.answers.extend([grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND])
    with pytest.raises(Unavailable):
        await writer.append([row("E2")])
    assert len(server.calls) == 2


async def test_a_server_that_was_away_is_found_again(server, writer) -> None:
    await writer.append([row("E1")])
    await server.stop()
    with pytest.raises(Unavailable):
        await writer.append([row("E2")])
    await server.start()
    async with asyncio.timeout(20):
        while True:
            try:
                await writer.append([row("E2")])
                break
            except Unavailable:  # the channel waits up to 2 s before it connects again
                await asyncio.sleep(0.1)
    assert server.calls[-1].rows()[-1][0]["id"] == "E2"


async def test_no_answer_in_time_is_unavailable_and_its_late_answer_is_nobodys(server) -> None:
    hanging = make_writer(server, append_seconds=0.5)
    late = asyncio.Event()
    server.answers.append(late)
    with pytest.raises(Unavailable, match="cannot answer"):
        await hanging.append([row("E1")])
    server.answers.append(malformed(0, "the second request's own answer"))
    late.set()
    with pytest.raises(RowsRejected, match="own answer"):
        await hanging.append([row("E2")])
    assert len(server.calls) == 2
    await hanging.close()


async def test_what_is_too_much_for_a_request_goes_in_several(server, writer) -> None:
    text = '"' + "x" * (REQUEST_BYTES // 2) + '"'
    await writer.append([row("E1", text), row("E2"), row("E3", text), row("E4")])
    (call,) = server.calls
    assert [[each["id"] for each in request] for request in call.rows()] == [["E1", "E2"], ["E3", "E4"]]


@pytest.mark.parametrize(
    "data", ['"' + "x" * REQUEST_BYTES + '"', "NaN", '{"a": NaN}', '{"a": "\ud800"}'], ids=["big", "nan", "in", "utf"]
)
async def test_a_row_that_no_request_can_hold_is_rejected_before_any_is_sent(server, writer, data) -> None:
    with pytest.raises(RowsRejected):
        await writer.append([row("E1"), row("E2", data)])
    assert server.calls == []


async def test_nothing_is_sent_for_nothing(server, writer) -> None:
    await writer.append([])
    assert server.calls == []

"""What a query may cost and how long it may take, against a recording server of the jobs API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts.warehouse.jobs_api import JobsApi
from contracts.warehouse.suite import ALL
from served import Served, free_port
from usher_logger.adapters.bigquery import BigQueryWarehouse
from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_logger.warehouse.ports import QueryTooCostly
from usher_shared.errors import Unavailable, UpstreamTimeout

GIBIBYTE = 1024**3


@pytest.fixture
def api() -> JobsApi:
    return JobsApi()


@pytest.fixture
async def served(api: JobsApi) -> AsyncIterator[Served]:
    served = Served(api.app, free_port())
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def warehouse(served: Served) -> AsyncIterator[BigQueryWarehouse]:
    connection = BigQueryConnection("p", Emulator(rest=served.url, grpc=""))
    warehouse = BigQueryWarehouse(connection, "d", query_seconds=20.0, query_gibibytes=2.0)
    yield warehouse
    await warehouse.close()


async def test_a_query_is_estimated_then_run_with_a_limit_and_typed_parameters(api, warehouse) -> None:
    api.estimate = 2 * GIBIBYTE
    since = datetime(2026, 11, 20, tzinfo=UTC)
    assert await warehouse.select("stats_events", {"since": since, "until": since}) == [{"events": 7}]
    (dry,), (run,) = api.dry_runs, api.queries
    assert dry["dryRun"] is True
    assert dry["query"]["useQueryCache"] is False  # a cached answer would be estimated at nothing
    assert dry["query"]["query"] == run["query"]
    assert "FROM `p`.d.events" in run["query"]
    assert run["maximumBytesBilled"] == str(2 * GIBIBYTE)
    assert 0 < int(run["jobTimeoutMs"]) <= 20_000
    assert run["parameterMode"] == "NAMED"
    assert {each["name"]: each["parameterType"]["type"] for each in run["queryParameters"]} == {
        "since": "TIMESTAMP",
        "until": "TIMESTAMP",
    }
    await warehouse.select("rows_events", ALL | {"order_id": "' OR TRUE"})
    assert {
        each["name"]: (each["parameterType"]["type"], each["parameterValue"].get("value"))
        for each in api.queries[-1]["queryParameters"]
    } == {
        "limit": ("INT64", "5000"),
        "order_id": ("STRING", "' OR TRUE"),
        "conversation_id": ("STRING", None),
    }


async def test_a_query_that_would_read_too_much_is_not_run(api, warehouse) -> None:
    api.estimate = 2 * GIBIBYTE + 1
    with pytest.raises(QueryTooCostly, match="would read 2147483649 bytes, more than 2147483648") as refused:
        await warehouse.select("ping", {})
    assert refused.value.http_status == 422
    assert api.queries == []


async def test_a_query_that_would_be_billed_too_much_is_too_costly(api, warehouse) -> None:
    api.failure = ("bytesBilledLimitExceeded", 400)
    with pytest.raises(QueryTooCostly):
        await warehouse.select("ping", {})


async def test_a_ping_is_a_dry_run_alone(api, warehouse) -> None:
    await warehouse.ping()
    assert len(api.dry_runs) == 1
    assert api.queries == []


async def test_a_query_that_takes_too_long_is_cancelled(api, warehouse) -> None:
    api.done = False  # what jobs.query answers when timeoutMs is over
    with pytest.raises(UpstreamTimeout):
        await warehouse.select("ping", {})
    assert int(api.queries[0]["timeoutMs"]) <= int(api.queries[0]["jobTimeoutMs"]) <= 20_000
    await asyncio.wait_for(api.cancelled.wait(), 60)


@pytest.mark.parametrize("failure", [("accessDenied", 403), ("notFound", 404), ("invalidQuery", 400)])
async def test_what_bigquery_refuses_is_unavailable(api, warehouse, failure) -> None:
    """To the reader; the log has the reason. It is our set-up that is wrong, or it passes."""
    api.failure = failure
    with pytest.raises(Unavailable):
        await warehouse.select("ping", {})
    assert len(api.queries) == 1


async def test_making_one_needs_no_server_no_credentials_and_no_event_loop() -> None:
    nobody = Emulator(rest="http://127.0.0.1:1", grpc="127.0.0.1:1")
    for connection in (BigQueryConnection("p"), BigQueryConnection("p", nobody)):
        warehouse = await asyncio.to_thread(BigQueryWarehouse, connection)
        await warehouse.close()

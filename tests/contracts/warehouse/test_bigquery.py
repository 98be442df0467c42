"""The Warehouse contract on BigQuery, against bqemulator: the Storage Write API over gRPC, queries over REST."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest
from google.cloud import bigquery

from contracts.warehouse.suite import ALL, STATEMENTS, WarehouseSuite, record, recorded_examples, row
from emulators.bigquery import bigquery_process
from usher_logger.adapters.bigquery import BigQueryWarehouse
from usher_logger.adapters.bigquery_connection import BigQueryConnection
from usher_logger.adapters.bigquery_schema import IncompatibleTable, ensure_schema
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.warehouse.ports import Warehouse
from usher_logger.warehouse.schema import load_schema
from usher_shared.errors import Unavailable, UpstreamTimeout


class TestBigQuery(WarehouseSuite):
    __test__ = True

    @pytest.fixture
    def warehouse(self, bigquery_warehouse: BigQueryWarehouse) -> Warehouse:
        return bigquery_warehouse


async def test_every_statement_answers_as_duckdb_does(bigquery_warehouse: BigQueryWarehouse, tmp_path: Path) -> None:
    duckdb = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    for warehouse in (bigquery_warehouse, duckdb):
        await record(warehouse, *recorded_examples())
        await record(warehouse, *recorded_examples())
    for statement, parameters in STATEMENTS.items():
        found = await bigquery_warehouse.select(statement, parameters)
        assert found == await duckdb.select(statement, parameters), statement
        assert found, statement
    await duckdb.close()


async def test_the_schema_is_made_again_without_harm_and_brought_up_to_date(
    connection: BigQueryConnection, dataset: str, bigquery_warehouse: BigQueryWarehouse
) -> None:
    await bigquery_warehouse.append([row("E1")])
    table = f"{connection.project}.{dataset}.{load_schema().table.name}"
    with connection.open_client() as client:
        before = client.get_table(table)
        changed = client.get_table(table)
        changed.description = "an older one"
        client.update_table(changed, ["description"])
        ensure_schema(connection, dataset)
        after = client.get_table(table)
    assert after.schema == before.schema
    assert after.description == load_schema().table.description
    assert [field.description for field in after.schema] == [
        column.description for column in load_schema().table.columns
    ]
    assert (after.time_partitioning.type_, after.time_partitioning.field) == ("DAY", "time")
    assert after.clustering_fields == ["type"]
    assert len(await bigquery_warehouse.select("rows_events", ALL)) == 1


def test_a_table_of_another_shape_is_left_alone(connection: BigQueryConnection) -> None:
    name = f"d_{secrets.token_hex(6)}"
    with connection.open_client() as client:
        client.create_dataset(name)
        columns = [bigquery.SchemaField("id", "STRING"), bigquery.SchemaField("time", "TIMESTAMP")]
        client.create_table(bigquery.Table(f"{connection.project}.{name}.{load_schema().table.name}", schema=columns))
    with pytest.raises(IncompatibleTable):
        ensure_schema(connection, name)


async def test_an_outage_fails_in_time_loses_nothing_acknowledged_and_passes(tmp_path: Path) -> None:
    with bigquery_process(tmp_path) as server:
        connection = BigQueryConnection("usher-test", server.address)
        await asyncio.to_thread(ensure_schema, connection, "usher")
        warehouse = BigQueryWarehouse(connection, query_seconds=10.0, append_seconds=10.0)
        await warehouse.append([row("E1")])
        await warehouse.ping()
        server.kill()
        async with asyncio.timeout(60):
            with pytest.raises(Unavailable):
                await warehouse.append([row("E2")])
            with pytest.raises(Unavailable):
                await warehouse.ping()
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(60):
            while True:
                try:
                    await warehouse.append([row("E2"), row("E1")])
                    break
                except Unavailable:  # the channel waits up to 2 s before it connects again
                    await asyncio.sleep(0.1)
        assert sorted(found["id"] for found in await warehouse.select("rows_events", ALL)) == ["E1", "E2"]
        await warehouse.close()


async def test_a_server_that_answers_nobody_is_given_up_in_time(tmp_path: Path) -> None:
    with bigquery_process(tmp_path) as server:
        connection = BigQueryConnection("usher-test", server.address)
        warehouse = BigQueryWarehouse(connection, query_seconds=1.0, append_seconds=1.0)
        server.freeze()
        with pytest.raises(UpstreamTimeout):
            await warehouse.ping()
        with pytest.raises(Unavailable):
            await warehouse.append([row("E1")])
        server.thaw()
        await warehouse.close()

"""The Warehouse contract on BigQuery, against bqemulator: the Storage Write API over gRPC, queries over REST."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.warehouse.suite import STATEMENTS, WarehouseSuite, record, recorded_examples
from usher_logger.adapters.bigquery import BigQueryWarehouse
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.warehouse.ports import Warehouse


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

"""The Warehouse contract on DuckDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.warehouse.suite import WarehouseSuite
from usher_logger.adapters.duckdb import DuckDbWarehouse


class TestDuckDb(WarehouseSuite):
    __test__ = True

    @pytest.fixture
    async def warehouse(self, tmp_path: Path) -> AsyncIterator[DuckDbWarehouse]:
        warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
        yield warehouse
        await warehouse.close()

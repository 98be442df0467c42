"""One emulator for a worker, a dataset of its own for a test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from emulators.bigquery import bigquery_emulator
from usher_logger.adapters.bigquery import BigQueryWarehouse
from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_logger.adapters.bigquery_schema import ensure_schema


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with bigquery_emulator(tmp_path_factory.mktemp("bigquery")) as emulator:
        yield emulator


@pytest.fixture
def connection(bigquery_server: Emulator) -> BigQueryConnection:
    return BigQueryConnection("usher-test", bigquery_server)


@pytest.fixture
def dataset(connection: BigQueryConnection) -> str:
    """An empty one, with table and views."""
    name = f"d_{secrets.token_hex(6)}"
    ensure_schema(connection, name, location="EU")
    return name


@pytest.fixture
async def bigquery_warehouse(connection: BigQueryConnection, dataset: str) -> AsyncIterator[BigQueryWarehouse]:
    warehouse = BigQueryWarehouse(connection, dataset)
    yield warehouse
    await warehouse.close()

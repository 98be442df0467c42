"""One emulator and one dataset for a worker; a test finds it empty."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from emulators.bigquery import bigquery_emulator
from usher_logger.adapters.bigquery import BigQueryWarehouse
from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_logger.adapters.bigquery_schema import ensure_schema
from usher_logger.warehouse.schema import load_schema


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with bigquery_emulator(tmp_path_factory.mktemp("bigquery")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def connection(bigquery_server: Emulator) -> BigQueryConnection:
    return BigQueryConnection("usher-test", bigquery_server)


@pytest.fixture(scope="session")
def shared_dataset(connection: BigQueryConnection) -> str:
    """Table and views, made once: ten statements take the emulator seconds."""
    name = f"d_{secrets.token_hex(6)}"
    ensure_schema(connection, name, location="EU")
    return name


@pytest.fixture
def dataset(connection: BigQueryConnection, shared_dataset: str) -> str:
    """The worker's dataset, emptied for the test."""
    with connection.open_client() as client:
        client.query(f"TRUNCATE TABLE {shared_dataset}.{load_schema().table.name}").result()
    return shared_dataset


@pytest.fixture
async def bigquery_warehouse(connection: BigQueryConnection, dataset: str) -> AsyncIterator[BigQueryWarehouse]:
    warehouse = BigQueryWarehouse(connection, dataset)
    yield warehouse
    await warehouse.close()

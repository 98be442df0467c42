"""The logger on Google Cloud: `python -m usher_logger`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_logger.adapters.bigquery import BigQueryWarehouse
from usher_logger.adapters.bigquery_connection import BigQueryConnection
from usher_logger.app import Deps, create_app
from usher_logger.settings import Settings
from usher_logger.warehouse.ports import Warehouse
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main


def build(cloud: Cloud) -> FastAPI:
    return build_on(connect(BigQueryConnection(cloud.project)), cloud)


def connect(connection: BigQueryConnection) -> BigQueryWarehouse:
    """The warehouse that the settings name, behind that connection."""
    settings = Settings()
    return BigQueryWarehouse(
        connection,
        settings.dataset,
        query_seconds=settings.query_seconds,
        append_seconds=settings.append_seconds,
        query_gibibytes=settings.query_gibibytes,
    )


def build_on(warehouse: Warehouse, cloud: Cloud) -> FastAPI:
    return create_app(Settings(), Deps(warehouse, SystemClock(), cloud.verifier))


if __name__ == "__main__":
    main("logger", build)

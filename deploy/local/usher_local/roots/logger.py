"""The logger on the embedded stack: DuckDB in one file."""

from __future__ import annotations

from fastapi import FastAPI

from usher_local.stack import Stack
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.app import Deps, create_app
from usher_logger.settings import Settings
from usher_shared.clock import SystemClock


def build(stack: Stack) -> FastAPI:
    settings = Settings()
    warehouse = DuckDbWarehouse(stack.data / "warehouse.duckdb", query_seconds=settings.query_seconds)
    return create_app(settings, Deps(warehouse, SystemClock(), stack.verifier()))

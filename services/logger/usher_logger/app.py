"""The logger's app: takes every event into the warehouse, answers statistics from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from usher_logger.events.service import EventSink
from usher_logger.queries import endpoints as queries
from usher_logger.queries.service import Queries
from usher_logger.rows import endpoints as rows
from usher_logger.rows.service import RowsService
from usher_logger.settings import Settings
from usher_logger.stats import endpoints as stats
from usher_logger.stats.service import StatsService
from usher_logger.warehouse.ports import Warehouse
from usher_shared.clock import Clock
from usher_shared.http.app import create_service_app, push_router
from usher_shared.http.tokens import TokenVerifier


@dataclass(frozen=True)
class Deps:
    warehouse: Warehouse
    clock: Clock
    verifier: TokenVerifier


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    sink = EventSink(
        deps.warehouse, deps.clock, linger_seconds=settings.batch_linger_seconds, batch_size=settings.batch_size
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await sink.stop()
        await deps.warehouse.close()

    app = create_service_app(
        "logger",
        version="0.1.0",
        summary="The warehouse: event sink, tables, statistics",
        routers=[push_router(sink.record), stats.router, rows.router, queries.router],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"warehouse": deps.warehouse.ping},
    )
    app.state.stats = StatsService(deps.warehouse, deps.clock)
    app.state.queries = Queries(deps.warehouse, settings.query_rows)
    app.state.rows = RowsService(deps.warehouse)
    return app

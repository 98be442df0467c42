"""The logger's root, its warehouse on the BigQuery emulator."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from usher_logger.__main__ import build_on, connect
from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import Parameter, Warehouse
from usher_shared.cloud import Cloud
from usher_shared.errors import UpstreamTimeout

if TYPE_CHECKING:
    from usher_shared.sql.checking import CheckedQuery

_PATIENCE_SECONDS = 10.0


class OneAtATime:
    """A warehouse that is asked one thing after the other, an append before the questions that wait.

    The emulator's threads share one DuckDB connection: an append and a query that meet there wait for each other for
    ever, one with the interpreter's lock, one with the connection's.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._turn = asyncio.Lock()
        self._question = asyncio.Lock()  # of those who ask, one at a time waits for a turn

    async def append(self, rows: Sequence[EventRow]) -> None:
        async with self._turn:
            await self._warehouse.append(rows)

    async def select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        async with self._asked():
            return await self._warehouse.select(statement, parameters)

    async def query(self, query: CheckedQuery) -> list[dict[str, Any]]:
        async with self._asked():
            return await self._warehouse.query(query)

    async def ping(self) -> None:
        async with self._asked():
            await self._warehouse.ping()

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        """A turn, unless others take too long: whoever asks has given up by then."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._question.acquire()
        except TimeoutError as error:
            raise UpstreamTimeout("others ask the warehouse", retry_after_seconds=1) from error
        try:
            async with self._turn:
                yield
        finally:
            self._question.release()

    async def close(self) -> None:
        await self._warehouse.close()


def build(cloud: Cloud) -> FastAPI:
    """The emulator is where BIGQUERY_EMULATOR_HOST (a URL) and USHER_BIGQUERY_GRPC (`host:port`) say."""
    emulator = Emulator(rest=os.environ["BIGQUERY_EMULATOR_HOST"], grpc=os.environ["USHER_BIGQUERY_GRPC"])
    return build_on(OneAtATime(connect(BigQueryConnection(cloud.project, emulator))), cloud)

"""Runs what passes the check, on the warehouse's own schema: whoever wrote the query is not believed."""

from __future__ import annotations

import asyncio

from usher_logger.queries.model import Column, QueryAnswer
from usher_logger.warehouse.dataset import load_dataset
from usher_logger.warehouse.ports import Warehouse
from usher_shared.errors import Unavailable


class Queries:
    def __init__(self, warehouse: Warehouse, most_rows: int) -> None:
        self._warehouse = warehouse
        self._most_rows = most_rows

    async def answer(self, sql: str) -> QueryAnswer:
        """The rows. Raises QueryRefused, QueryTooCostly, Unavailable, UpstreamTimeout."""
        try:
            from usher_shared.sql.checking import Bounds, check  # sqlglot: only where queries are asked
        except ImportError as error:
            raise Unavailable("queries need sqlglot: install usher-logger[duckdb] or [cloud]") from error
        query = await asyncio.to_thread(check, sql, load_dataset(), Bounds(rows=self._most_rows))
        full = query.limit >= self._most_rows
        rows = await self._warehouse.query(query.fetching(self._most_rows + 1) if full else query)
        return QueryAnswer(
            columns=[Column(name=column.name, type=column.type) for column in query.columns],
            rows=rows[: self._most_rows],
            truncated=len(rows) > self._most_rows,
        )

"""Warehouse on DuckDB: one file, one writing process.

The work runs on two threads, one that writes and one that reads, never on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import orjson
import sqlglot

from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import Parameter, RowsRejected
from usher_logger.warehouse.schema import load_schema
from usher_logger.warehouse.statements import load_statement, parameter_names
from usher_shared.errors import Unavailable, UpstreamTimeout
from usher_shared.sql.checking import CheckedQuery
from usher_shared.sql.errors import QueryRefused

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

_INSERT = """
INSERT OR IGNORE INTO events
SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[]), unnest($4::VARCHAR[])::TIMESTAMPTZ,
       unnest($5::VARCHAR[]), unnest($6::VARCHAR[])::JSON, unnest($7::VARCHAR[])::TIMESTAMPTZ
"""
_SCHEMA = "main"
# what the data itself is to blame for; anything else may succeed later
_REJECTED = (duckdb.DataError, duckdb.NotSupportedError, duckdb.IntegrityError, UnicodeError)


@cache
def transpile(statement: str) -> str:
    """A BigQuery statement for DuckDB. Raises where sqlglot knows no equivalent."""
    return sqlglot.transpile(statement, read="bigquery", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]


def _definitions() -> list[str]:
    """The table and the views, each made if missing.

    A unique index keeps the ids apart, so the table itself is `events`, which BigQuery has as a deduplicating view.
    """
    schema = load_schema()
    events, *views = schema.views
    modes = {"REQUIRED": " NOT NULL", "NULLABLE": ""}
    columns = ", ".join(f"{column.name} {column.type}{modes[column.mode]}" for column in schema.table.columns)
    return [
        transpile(f"CREATE TABLE IF NOT EXISTS {events.name} ({columns})"),
        f"CREATE UNIQUE INDEX IF NOT EXISTS {events.name}_id ON {events.name} (id)",
        *(transpile(f"CREATE OR REPLACE VIEW {view.name} AS {view.query(_SCHEMA)}") for view in views),
    ]


class DuckDbWarehouse:
    """Open with `DuckDbWarehouse(path)`; the file, its table and views are made if missing.

    Durable against the death of the process: a commit is in the write-ahead log before `append` returns.
    """

    def __init__(self, path: Path, *, memory_mebibytes: int = 512, query_seconds: float = 10.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        settings: dict[str, str | int | bool | float | list[str]] = {
            "memory_limit": f"{memory_mebibytes}MiB",
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "enable_external_access": False,  # no query reads or writes another file
        }
        self._writer = duckdb.connect(str(path), config=settings)
        self._writer.execute("SET GLOBAL TimeZone = 'UTC'")
        self._writer.execute("BEGIN")
        for statement in _definitions():
            self._writer.execute(statement)
        self._writer.execute("COMMIT")
        self._reader = self._writer.cursor()
        self._reader.execute("SET TimeZone = 'UTC'")
        self._query_seconds = query_seconds
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="warehouse-write")
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="warehouse-read")

    async def append(self, rows: Sequence[EventRow]) -> None:
        await self._run(self._write_thread, lambda: self._insert(rows))

    async def select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        return await self._read(statement, lambda: self._select(statement, parameters))

    async def query(self, query: CheckedQuery) -> list[dict[str, Any]]:
        sql = query.duckdb(_SCHEMA)

        def answer() -> list[dict[str, Any]]:
            try:
                return self._fetch(sql, {})
            except (duckdb.ProgrammingError, duckdb.DataError) as error:
                raise QueryRefused(f"the warehouse cannot answer this: {error}"[:300]) from error

        return await self._read("asked for", answer)

    async def _read(self, name: str, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._query_seconds):
                return await self._run(self._read_thread, work)
        except TimeoutError as error:
            self._reader.interrupt()
            raise UpstreamTimeout(f"the query {name} took longer than {self._query_seconds:g} s") from error

    async def ping(self) -> None:
        await self.select("ping", {})

    async def close(self) -> None:
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._reader.close()
        self._writer.close()

    @staticmethod
    async def _run(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except duckdb.Error as error:
            _LOG.error("the warehouse failed", extra={"error": repr(error)[:500]})
            raise Unavailable("the warehouse cannot answer", retry_after_seconds=1) from error

    def _insert(self, rows: Sequence[EventRow]) -> None:
        columns = [
            [row.id for row in rows],
            [row.type for row in rows],
            [row.source for row in rows],
            [row.time.isoformat() for row in rows],
            [row.subject for row in rows],
            [row.data for row in rows],
            [row.received_at.isoformat() for row in rows],
        ]
        self._writer.execute("BEGIN")
        try:
            self._writer.execute(_INSERT, columns)
            self._writer.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, _REJECTED):
                raise RowsRejected(f"the warehouse refuses the rows: {error}"[:500]) from error
            raise

    def _roll_back(self) -> None:
        try:
            self._writer.execute("ROLLBACK")
        except duckdb.TransactionException:  # the failed COMMIT has ended the transaction already
            _LOG.info("nothing to roll back")

    def _select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        sql = transpile(load_statement(statement, _SCHEMA))
        return self._fetch(sql, {name: parameters[name] for name in parameter_names(statement)})

    def _fetch(self, sql: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        cursor = self._reader.execute(sql, dict(parameters))
        columns = [(str(column[0]), str(column[1]) == "JSON") for column in cursor.description or ()]
        return [
            {
                name: orjson.loads(value) if is_json and value is not None else value
                for (name, is_json), value in zip(columns, row, strict=True)
            }
            for row in cursor.fetchall()
        ]

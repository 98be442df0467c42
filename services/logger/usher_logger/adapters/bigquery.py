"""Warehouse on BigQuery: appends by the Storage Write API, queries as jobs that a dry run lets pass.

Queries run on a few threads, never on the event loop. Made by `ensure_schema` or Terraform, not from here.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

import requests
from google.api_core.exceptions import BadRequest, GatewayTimeout, GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.enums import QueryApiMethod

from usher_logger.adapters.bigquery_connection import BigQueryConnection
from usher_logger.adapters.bigquery_writer import BigQueryWriter
from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import Parameter, QueryTooCostly
from usher_logger.warehouse.schema import load_schema
from usher_logger.warehouse.statements import load_statement, parameter_names
from usher_shared.errors import Unavailable, UpstreamTimeout
from usher_shared.sql.errors import QueryRefused

if TYPE_CHECKING:
    from usher_shared.sql.checking import CheckedQuery

_LOG = logging.getLogger(__name__)
_GIBIBYTE = 1024**3
_THREADS = 4
# how long a call is tried again when BigQuery says 503, or nothing listens; the bus and the reader come again anyway
_RETRY = bigquery.DEFAULT_RETRY.with_timeout(1.0)


class BigQueryWarehouse:
    """Neither connects nor looks for credentials before it is used, so nothing need be there when it is made.

    A query that would read more than `query_gibibytes` is refused before it runs; what runs is billed for no more.
    """

    def __init__(
        self,
        connection: BigQueryConnection,
        dataset: str = "usher",
        *,
        query_seconds: float = 10.0,
        append_seconds: float = 10.0,
        query_gibibytes: float = 10.0,
    ) -> None:
        self._connection = connection
        self._dataset = f"`{connection.project}`.{dataset}"
        self._query_seconds = query_seconds
        self._query_bytes = int(query_gibibytes * _GIBIBYTE)
        self._writer = BigQueryWriter(connection, dataset, load_schema().table, append_seconds=append_seconds)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="warehouse")
        self._client: bigquery.Client | None = None
        self._opening = threading.Lock()

    async def append(self, rows: Sequence[EventRow]) -> None:
        await self._writer.append(rows)

    async def select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        return await self._run(self._named(statement, parameters), dry=False)

    async def query(self, query: CheckedQuery) -> list[dict[str, Any]]:
        sql = query.bigquery(self._dataset)
        try:
            return await self._run(_Query("asked for", sql, (), self._query_bytes, self._deadline()), dry=False)
        except Unavailable as error:
            if isinstance(error.__cause__, BadRequest):
                raise QueryRefused(f"the warehouse cannot answer this: {error.__cause__.message}"[:300]) from error
            raise

    async def ping(self) -> None:
        """A dry run: BigQuery answers, the views are there and may be read, and it costs nothing."""
        await self._run(self._named("ping", {}), dry=True)

    async def close(self) -> None:
        await self._writer.close()
        await asyncio.to_thread(self._threads.shutdown)  # queries end within query_seconds
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]

    def _deadline(self) -> float:
        return time.monotonic() + self._query_seconds

    def _named(self, statement: str, parameters: Mapping[str, Parameter]) -> _Query:
        typed = [_parameter(name, parameters[name]) for name in sorted(parameter_names(statement))]
        sql = load_statement(statement, self._dataset)
        return _Query(statement, sql, typed, self._query_bytes, self._deadline())

    async def _run(self, query: _Query, *, dry: bool) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._query_seconds):
                return await loop.run_in_executor(self._threads, lambda: self._answer(query, dry=dry))
        except (TimeoutError, requests.Timeout, GatewayTimeout) as error:
            raise UpstreamTimeout(f"the query {query.name} took longer than {self._query_seconds:g} s") from error
        except (GoogleAPICallError, RetryError, GoogleAuthError, requests.RequestException) as error:
            reasons = [each.get("reason") for each in getattr(error, "errors", ())]
            if "bytesBilledLimitExceeded" in reasons:
                raise QueryTooCostly(f"the query {query.name} would be billed too much") from error
            _LOG.error("the warehouse failed", extra={"error": repr(error)[:500]})
            raise Unavailable("the warehouse cannot answer", retry_after_seconds=1) from error

    def _answer(self, query: _Query, *, dry: bool) -> list[dict[str, Any]]:
        with self._opening:
            self._client = self._client or self._connection.open_client()
        query.check_cost(self._client)
        return [] if dry else query.rows(self._client)


class _Query:
    """One statement with its parameters, answered before `deadline` (of time.monotonic)."""

    def __init__(
        self,
        name: str,
        sql: str,
        parameters: Sequence[bigquery.ScalarQueryParameter],
        most_bytes: int,
        deadline: float,
    ) -> None:
        self.name = name
        self._sql = sql
        self._parameters = list(parameters)
        self._most_bytes = most_bytes
        self._deadline = deadline

    def check_cost(self, client: bigquery.Client) -> None:
        """Raises QueryTooCostly, by BigQuery's own estimate."""
        config = self._config(dry_run=True, use_query_cache=False)
        job = client.query(self._sql, job_config=config, retry=_RETRY, job_retry=None, timeout=self._remaining())
        if job.total_bytes_processed > self._most_bytes:
            raise QueryTooCostly(
                f"the query {self.name} would read {job.total_bytes_processed} bytes, more than {self._most_bytes}"
            )

    def rows(self, client: bigquery.Client) -> list[dict[str, Any]]:
        """Raises TimeoutError after the deadline, when the job has been told to end."""
        config = self._config(maximum_bytes_billed=self._most_bytes, job_timeout_ms=int(self._remaining() * 1000))
        job = client.query(
            self._sql,
            job_config=config,
            api_method=QueryApiMethod.QUERY,  # the answer comes with the job, if it comes before the timeout
            retry=_RETRY,
            job_retry=None,
            timeout=self._remaining(),
        )
        try:
            if not job.done(retry=_RETRY, timeout=self._remaining()):
                raise TimeoutError
            found = job.result(retry=_RETRY, job_retry=None, timeout=self._remaining())
            return [dict(row.items()) for row in found]
        except (TimeoutError, requests.Timeout):
            _cancel(job)
            raise

    def _config(self, **settings: Any) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(query_parameters=self._parameters, **settings)

    def _remaining(self) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def _cancel(job: bigquery.QueryJob) -> None:
    try:
        job.cancel(retry=None, timeout=2.0)
    except (GoogleAPICallError, requests.RequestException) as error:
        _LOG.warning("a query could not be cancelled", extra={"error": repr(error)[:500]})


def _parameter(name: str, value: Parameter) -> bigquery.ScalarQueryParameter:
    """Typed by its value; what may be null in a statement is text."""
    match value:
        case bool():
            type_ = "BOOL"
        case int():
            type_ = "INT64"
        case float():
            type_ = "FLOAT64"
        case datetime():
            type_ = "TIMESTAMP"
        case _:
            type_ = "STRING"
    return bigquery.ScalarQueryParameter(name, type_, value)

"""The Warehouse port.

Semantics that every adapter keeps: `append` returns once all rows are durable and every later query sees them. Reads
show one row per id, the first that was appended, so appending again is harmless. Rows of one id are copies of one
event: they differ in `received_at` alone, if at all. Statements are written once, in the BigQuery dialect
(`statements`), and stay inside what BigQuery and DuckDB both run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from usher_logger.warehouse.model import EventRow
from usher_shared.errors import Unprocessable, UsherError

if TYPE_CHECKING:
    from usher_shared.sql.checking import CheckedQuery

Parameter = str | int | float | bool | datetime | None


class RowsRejected(UsherError):
    """The warehouse cannot hold at least one of these rows, now or ever; none was stored."""

    code = "rows_rejected"


class QueryTooCostly(Unprocessable):
    """The query would read more than it may; it was not run."""

    code = "query_too_costly"


class Warehouse(Protocol):
    async def append(self, rows: Sequence[EventRow]) -> None:
        """Store the rows. Raises RowsRejected; Unavailable, after which some may be there: append all again."""
        ...

    async def select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        """The rows of the named statement (`sql/<statement>.sql`), times aware, JSON columns decoded.

        Raises QueryTooCostly, Unavailable, UpstreamTimeout.
        """
        ...

    async def query(self, query: CheckedQuery) -> list[dict[str, Any]]:
        """The rows of a query that somebody else wrote and `usher_shared.sql` has checked.

        Raises QueryRefused (it does not fit the data), QueryTooCostly, Unavailable, UpstreamTimeout.
        """
        ...

    async def ping(self) -> None:
        """Return if the warehouse answers; raise otherwise."""
        ...

    async def close(self) -> None: ...

"""The Warehouse port.

Semantics that every adapter keeps: `append` returns once all rows are durable; a row whose id is already there
changes nothing, so appending again is harmless; rows become visible together. Statements are written once, in the
BigQuery dialect (`statements`), and stay inside what BigQuery and DuckDB both run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from usher_logger.warehouse.model import EventRow
from usher_shared.errors import UsherError

Parameter = str | int | float | bool | datetime | None


class RowsRejected(UsherError):
    """The warehouse cannot hold at least one of these rows, now or ever; none was stored."""

    code = "rows_rejected"


class Warehouse(Protocol):
    async def append(self, rows: Sequence[EventRow]) -> int:
        """Store the rows in one transaction; the number that were new. Raises RowsRejected, Unavailable."""
        ...

    async def select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        """The rows of the named statement (`sql/<statement>.sql`), times aware, JSON columns decoded.

        Raises Unavailable, UpstreamTimeout.
        """
        ...

    async def ping(self) -> None:
        """Return if the warehouse answers; raise otherwise."""
        ...

    async def close(self) -> None: ...

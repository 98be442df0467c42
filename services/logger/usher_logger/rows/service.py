"""Rows by table, filtered by order or conversation."""

from __future__ import annotations

from usher_logger.rows.model import Rows, Table
from usher_logger.warehouse.ports import Warehouse
from usher_shared.errors import InvalidRequest

_WITHOUT_ORDER = {Table.CONVERSATIONS, Table.TURNS}


class RowsService:
    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    async def read(self, table: Table, limit: int, order_id: str | None, conversation_id: str | None) -> Rows:
        """The newest `limit` rows that match. Raises InvalidRequest for a filter that the table lacks."""
        if order_id is not None and table in _WITHOUT_ORDER:
            raise InvalidRequest(f"{table} cannot be filtered by order_id", code="unknown_filter")
        parameters = {"limit": limit, "order_id": order_id, "conversation_id": conversation_id}
        return Rows(table=table, rows=await self._warehouse.select(f"rows_{table}", parameters))

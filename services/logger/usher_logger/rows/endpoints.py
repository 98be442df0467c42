"""GET /rows/{table}."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from usher_logger.rows.model import Rows, Table
from usher_logger.rows.service import RowsService
from usher_shared.http.app import require_caller

router = APIRouter(tags=["rows"], dependencies=[Depends(require_caller("gateway", "cli"))])


def _service(request: Request) -> RowsService:
    service: RowsService = request.app.state.rows
    return service


@router.get("/rows/{table}")
async def get_rows(
    service: Annotated[RowsService, Depends(_service)],
    table: Table,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    order_id: Annotated[str | None, Query(max_length=128)] = None,
    conversation_id: Annotated[str | None, Query(max_length=128)] = None,
) -> Rows:
    return await service.read(table, limit, order_id, conversation_id)

"""GET /stats and GET /analytics/rows/{table}: what the warehouse knows, for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from usher_gateway.access import InRoom, caller, from_raw, respond
from usher_gateway.analytics.model import TableName
from usher_gateway.identity.model import ID_LENGTH, ID_PATTERN, Identity
from usher_gateway.identity.service import choose_principal

router = APIRouter(tags=["analytics"])
Analyst = Annotated[Identity, Depends(caller("analytics"))]
OfId = Annotated[str | None, Query(pattern=ID_PATTERN, min_length=1, max_length=ID_LENGTH)]


@router.get("/stats", response_model=dict[str, Any])
async def read_stats(
    identity: Analyst,
    room: InRoom,
    days: Annotated[int, Query(ge=1, le=366, description="UTC days, today included")] = 7,
) -> Response:
    """Sales, conversations, errors and feedback of the last days, in all and by day."""
    principal = choose_principal(identity, None)
    return respond(from_raw(await room.logger.call("GET", "/stats", principal, params={"days": days})))


@router.get("/analytics/rows/{table}", response_model=dict[str, Any])
async def read_rows(
    *,
    table: TableName,
    identity: Analyst,
    room: InRoom,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    order_id: OfId = None,
    conversation_id: OfId = None,
) -> Response:
    """Rows of one table, newest first: `{"table", "rows": [...]}`."""
    params: dict[str, str | int] = {"limit": limit}
    if order_id is not None:
        params["order_id"] = order_id
    if conversation_id is not None:
        params["conversation_id"] = conversation_id
    principal = choose_principal(identity, None)
    return respond(from_raw(await room.logger.call("GET", f"/rows/{table}", principal, params=params)))

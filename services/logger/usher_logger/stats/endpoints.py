"""GET /stats."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from usher_logger.stats.model import Stats
from usher_logger.stats.service import StatsService
from usher_shared.http.app import require_caller

router = APIRouter(tags=["stats"], dependencies=[Depends(require_caller("gateway", "cli"))])


def _service(request: Request) -> StatsService:
    service: StatsService = request.app.state.stats
    return service


@router.get("/stats")
async def get_stats(
    service: Annotated[StatsService, Depends(_service)],
    days: Annotated[int, Query(ge=1, le=366, description="UTC days, today included")] = 7,
) -> Stats:
    return await service.summarise(days)

"""/v1/embeddings."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from usher_inference.completions.bodies import StrictJsonRoute
from usher_inference.completions.endpoints import ERRORS, DeadlineHeader, DeskDep, may_ask
from usher_inference.completions.guard import ClientGone, Guard
from usher_inference.completions.responses import client_closed_request
from usher_inference.embeddings import service
from usher_inference.embeddings.model import EmbeddingRequest

router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    route_class=StrictJsonRoute,
    dependencies=[Depends(may_ask)],
    responses=ERRORS,
)


@router.post("/embeddings")
async def create_embeddings(
    body: EmbeddingRequest,
    request: Request,
    desk: DeskDep,
    usher_deadline: DeadlineHeader = None,
) -> Response:
    """A vector of length 1 for each text, in their order."""
    try:
        with Guard(request.receive, desk.limits.deadline(usher_deadline)):
            answer = await service.answer(desk.embedders, body)
    except ClientGone:
        return client_closed_request()
    return Response(orjson.dumps(answer), media_type="application/json")

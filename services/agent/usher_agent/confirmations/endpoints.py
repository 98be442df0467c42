"""POST /confirmations/{id}."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from usher_agent.identity import CALLERS, CurrentPrincipal
from usher_agent.turns.endpoints import json_response
from usher_agent.turns.service import Turns
from usher_shared.contracts.chat import ChatResponse, DecisionRequest

router = APIRouter(tags=["confirmations"], dependencies=[CALLERS])


@router.post("/confirmations/{confirmation_id}", response_model=ChatResponse)
async def decide(
    confirmation_id: str, body: DecisionRequest, principal: CurrentPrincipal, request: Request
) -> Response:
    """Approve or reject an open confirmation. The same decision again gets the first one's answer."""
    turns: Turns = request.app.state.turns
    answer = await turns.decide(
        confirmation_id, body.decision, client_id=principal.client_id, customer_id=principal.customer_id
    )
    return json_response(answer)

"""GET /conversations/{id}/transcript."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from usher_agent.handover.service import read_transcript
from usher_shared.contracts.handover import Transcript
from usher_shared.http.app import require_caller

router = APIRouter(tags=["conversations"], dependencies=[Depends(require_caller("cli"))])


@router.get("/conversations/{conversation_id}/transcript")
async def transcript(
    conversation_id: str, ticket_id: Annotated[str, Query(max_length=128)], request: Request
) -> Transcript:
    """For an operator: what was said in the conversation that the ticket is about."""
    return await read_transcript(request.app.state.store, conversation_id, ticket_id)

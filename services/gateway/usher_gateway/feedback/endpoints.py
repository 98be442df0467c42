"""POST /feedback."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import ValidationError

from usher_gateway.access import ChatCustomer, IdempotencyKey, InRoom, replay_scope, respond
from usher_gateway.feedback.model import FeedbackRecorded
from usher_gateway.identity.model import is_id
from usher_gateway.replay.model import Answer
from usher_shared.contracts.chat import ConversationView, FeedbackRequest
from usher_shared.errors import NotFound, UpstreamFailed

_EXAMPLE = {
    "conversation_id": "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S",
    "message_id": "MSG_01JD0Z5Z7P1X3C5V9B2N4M6K8J",
    "rating": 1,
    "comment": "quick and clear",
}
router = APIRouter(tags=["feedback"])


@router.post("/feedback", status_code=201, response_model=FeedbackRecorded)
async def give_feedback(
    request: Request,
    body: Annotated[FeedbackRequest, Body(examples=[_EXAMPLE])],
    principal: ChatCustomer,
    room: InRoom,
    key: IdempotencyKey = None,
) -> Response:
    """Rate a reply of one of the customer's own conversations."""
    if not is_id(body.conversation_id):
        raise NotFound("no such conversation")
    begun = await room.replays.begin(key, replay_scope(request, principal), await request.body())
    if isinstance(begun, Answer):
        return respond(begun)
    try:
        found = await room.agent.fetch(f"/conversations/{body.conversation_id}", principal)
        try:
            conversation = ConversationView.model_validate(found)
        except ValidationError as error:
            raise UpstreamFailed("the agent did not answer with a conversation") from error
        return respond(await room.feedback.record(principal, conversation, body, begun))
    except Exception:
        if begun is not None:
            await room.replays.abandon(begun)
        raise

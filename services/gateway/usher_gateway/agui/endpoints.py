"""POST /agui."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Request, Response
from pydantic import ValidationError

from usher_gateway.access import ChatCustomer, IdempotencyKey, InRoom, Room, replay_scope, respond
from usher_gateway.agui.model import Decided, RunInput, decision_events
from usher_gateway.agui.service import read_input, to_chat
from usher_gateway.replay.model import Answer
from usher_gateway.streaming import EVENT_STREAM
from usher_gateway.turns import STREAM_TYPE, stream_turn, turn_body
from usher_shared.contracts.chat import ChatResponse
from usher_shared.contracts.identity import Principal
from usher_shared.errors import UpstreamFailed

router = APIRouter(tags=["chat"])
_EXAMPLE = {
    "threadId": "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S",
    "runId": "run-1",
    "messages": [{"id": "1", "role": "user", "content": "Two tickets for Hamilton on Friday, please"}],
}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"description": "AG-UI events", "content": {EVENT_STREAM: {}}}}


@router.post("/agui", response_class=Response, responses=_STREAM)
async def run(
    request: Request,
    body: Annotated[RunInput, Body(examples=[_EXAMPLE])],
    principal: ChatCustomer,
    room: InRoom,
    key: IdempotencyKey = None,
) -> Response:
    """A run for AG-UI clients (`RunAgentInput`).

    Of the history a client sends, only its newest user message counts, or the resume entry that answers an interrupt.
    """
    wanted = read_input(body)
    if not isinstance(wanted, Decided):
        turn = turn_body(to_chat(body, wanted))
        return await stream_turn(request=request, room=room, principal=principal, turn=turn, key=key)

    async def execute() -> Answer:
        return await _decide(room, principal, body, wanted)

    return respond(await room.replays.run(key, replay_scope(request, principal), await request.body(), execute))


async def _decide(room: Room, principal: Principal, body: RunInput, wanted: Decided) -> Answer:
    content = orjson.dumps({"decision": wanted.decision})
    raw = await room.agent.call("POST", f"/confirmations/{wanted.confirmation_id}", principal, content=content)
    try:
        answer = ChatResponse.model_validate_json(raw.body)
    except ValidationError as error:
        raise UpstreamFailed("the agent did not answer with a reply") from error
    frames = (b"data: %b\n\n" % orjson.dumps(event) for event in decision_events(body, answer))
    return Answer(200, b"".join(frames), STREAM_TYPE, conversation_id=answer.conversation_id)

"""POST /turns."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Request, Response

from usher_agent.identity import CALLERS, CurrentPrincipal
from usher_agent.streams.endpoints import MEDIA_TYPE, event_stream
from usher_agent.turns.commands import message_command
from usher_agent.turns.service import Turns
from usher_agent.turns.streaming import TurnStreams
from usher_shared.contracts.chat import ChatResponse, TurnRequest

router = APIRouter(tags=["turns"], dependencies=[CALLERS])


def json_response(body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


@router.post("/turns", response_model=ChatResponse, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def take_turn(
    body: TurnRequest,
    principal: CurrentPrincipal,
    request: Request,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=128)] = None,
) -> Response:
    """One turn. With `Accept: text/event-stream` as AG-UI events; the turn goes on if the client goes away.

    A message waits for the turns before it; a stream is refused while one runs. The same Idempotency-Key in the same
    conversation again gets the answer, or the events, of the first (of the last few).
    """
    turns: Turns = request.app.state.turns
    streaming = MEDIA_TYPE in request.headers.get("accept", "")
    command = message_command(
        client_id=principal.client_id,
        customer_id=principal.customer_id,
        conversation_id=body.conversation_id,
        message=body.message,
        metadata=body.metadata,
        attachments=len(body.attachments),
        streaming=streaming,
        key=idempotency_key,
    )
    if not streaming:
        return json_response(await turns.say(command))
    streams: TurnStreams = request.app.state.streams
    return event_stream(await streams.begin(command))

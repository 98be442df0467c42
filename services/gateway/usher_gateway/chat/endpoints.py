"""POST /chat, the conversations, the confirmations."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Depends, Header, Request, Response

from usher_gateway.access import (
    ChatCustomer,
    IdempotencyKey,
    InRoom,
    PathId,
    Room,
    caller,
    from_raw,
    replay_scope,
    respond,
)
from usher_gateway.identity.model import Identity, is_id
from usher_gateway.identity.service import choose_principal
from usher_gateway.replay.model import Answer
from usher_gateway.streaming import EVENT_STREAM, EventStream
from usher_gateway.turns import name_request, stream_turn, turn_body
from usher_shared.contracts.chat import (
    ChatRequest,
    ChatResponse,
    ConversationStatus,
    ConversationView,
    DecisionRequest,
)
from usher_shared.contracts.identity import Principal
from usher_shared.errors import Unprocessable
from usher_shared.http.client import RawAnswer

router = APIRouter(tags=["chat"])

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `Accept: text/event-stream` the same turn as AG-UI events",
        "content": {EVENT_STREAM: {}},
    }
}
_EXAMPLES: Any = {
    "first": {"summary": "A new conversation", "value": {"message": "Two tickets for Hamilton on Friday, please"}},
    "next": {
        "summary": "The next message",
        "value": {"message": "yes", "conversation_id": "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S"},
    },
}


def _wants_stream(request: Request) -> bool:
    return EVENT_STREAM in request.headers.get("accept", "")


@router.post("/chat", response_model=ChatResponse, responses=_STREAM)
async def chat(
    request: Request,
    body: Annotated[ChatRequest, Body(openapi_examples=_EXAMPLES)],
    identity: Annotated[Identity, Depends(caller("chat"))],
    room: InRoom,
    key: IdempotencyKey = None,
) -> Response:
    """Say something and get the answer. Without `conversation_id` a conversation begins."""
    principal = choose_principal(identity, body.customer_id)
    if body.conversation_id is not None and not is_id(body.conversation_id):
        raise Unprocessable("conversation_id is not an id that a conversation can have")
    if _wants_stream(request):
        return await stream_turn(request=request, room=room, principal=principal, turn=turn_body(body), key=key)

    turn, scope = turn_body(body), replay_scope(request, principal)
    headers = name_request(turn, scope, key)

    async def execute() -> Answer:
        raw = await room.agent.call("POST", "/turns", principal, content=orjson.dumps(turn), headers=headers)
        return from_raw(raw, conversation_id=turn.get("conversation_id"))

    if key is None:
        return respond(await execute())
    return respond(await room.replays.run(key, scope, await request.body(), execute))


@router.get("/conversations/{id}", response_model=ConversationView)
async def read_conversation(id: PathId, principal: ChatCustomer, room: InRoom) -> Response:
    """The conversation so far."""
    return respond(from_raw(await room.agent.call("GET", f"/conversations/{id}", principal)))


@router.get("/conversations/{id}/events", response_class=Response, responses=_STREAM)
async def follow_conversation(
    id: PathId,
    principal: ChatCustomer,
    room: InRoom,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", max_length=128, pattern=r"^[!-~]*$", description="resume after this event"),
    ] = None,
) -> Response:
    """The conversation's events as a stream, from the first or from where `Last-Event-ID` left it."""
    resources = AsyncExitStack()
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    chunks = await resources.enter_async_context(
        room.agent.stream(
            "GET",
            f"/conversations/{id}/events",
            principal,
            headers=headers,
            idle_seconds=room.settings.stream_idle_seconds,
        )
    )
    return EventStream(chunks, resources)


async def _post(
    *, request: Request, room: Room, principal: Principal, path: str, key: str | None, content: bytes | None = None
) -> Response:
    async def execute() -> Answer:
        raw = await room.agent.call("POST", path, principal, content=content)
        return from_raw(raw, conversation_id=_conversation_of(raw) if key is not None else None)

    return respond(await room.replays.run(key, replay_scope(request, principal), await request.body(), execute))


def _conversation_of(raw: RawAnswer) -> str | None:
    try:
        named = orjson.loads(raw.body)["conversation_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return named if isinstance(named, str) else None


@router.post("/conversations/{id}/end", response_model=ConversationStatus)
async def end_conversation(
    request: Request, id: PathId, principal: ChatCustomer, room: InRoom, key: IdempotencyKey = None
) -> Response:
    """End the conversation."""
    return await _post(request=request, room=room, principal=principal, path=f"/conversations/{id}/end", key=key)


@router.post("/conversations/{id}/cancel", response_model=ConversationStatus)
async def cancel_turn(
    request: Request, id: PathId, principal: ChatCustomer, room: InRoom, key: IdempotencyKey = None
) -> Response:
    """Stop the running turn. A charge that has begun is never abandoned."""
    return await _post(request=request, room=room, principal=principal, path=f"/conversations/{id}/cancel", key=key)


@router.delete("/conversations/{id}", response_model=ConversationStatus)
async def erase_conversation(id: PathId, principal: ChatCustomer, room: InRoom) -> Response:
    """Erase the conversation."""
    erased = await room.agent.call("DELETE", f"/conversations/{id}", principal)
    await room.replays.erase(id)
    return respond(from_raw(erased))


@router.post("/confirmations/{id}", response_model=ChatResponse)
async def decide(
    *,
    request: Request,
    id: PathId,
    body: Annotated[DecisionRequest, Body(examples=[{"decision": "approve"}])],
    principal: ChatCustomer,
    room: InRoom,
    key: IdempotencyKey = None,
) -> Response:
    """Approve or reject a proposal. Single use; bound to the exact arguments and total."""
    content = orjson.dumps({"decision": body.decision})
    path = f"/confirmations/{id}"
    return await _post(request=request, room=room, principal=principal, path=path, key=key, content=content)

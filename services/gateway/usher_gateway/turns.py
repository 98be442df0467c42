"""A turn of the conversation as the agent takes it, whichever way it was asked for."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from fastapi import Request, Response

from usher_gateway.access import Room, replay_scope, respond
from usher_gateway.replay.model import Answer
from usher_gateway.replay.service import MAX_RECORDED_BYTES
from usher_gateway.streaming import EVENT_STREAM, EventStream, OnEnd, RecordedStream
from usher_shared.contracts.chat import ChatRequest
from usher_shared.contracts.identity import Principal
from usher_shared.idempotency import Lease, request_name

STREAM_TYPE = f"{EVENT_STREAM}; charset=utf-8"


def turn_body(request: ChatRequest) -> dict[str, Any]:
    """The agent's TurnRequest; what is absent stays absent."""
    turn: dict[str, Any] = {"message": request.message}
    if request.conversation_id is not None:
        turn["conversation_id"] = request.conversation_id
    if request.attachments:
        turn["attachments"] = [attachment.model_dump() for attachment in request.attachments]
    if request.metadata:
        turn["metadata"] = request.metadata
    return turn


def name_request(turn: dict[str, Any], scope: tuple[str, ...], key: str | None) -> dict[str, str]:
    """The headers that tell the agent which request this is. One that begins a conversation names it after itself."""
    if key is None:
        return {}
    digest = request_name(scope, key)
    turn.setdefault("conversation_id", f"CONV_{digest[:26].upper()}")
    return {"Idempotency-Key": digest}


async def stream_turn(
    *, request: Request, room: Room, principal: Principal, turn: dict[str, Any], key: str | None
) -> Response:
    """The turn's AG-UI events as the agent sends them; with a key the whole stream is recorded and replayed.

    The agent knows the key too: should this process die before its own record, the stream comes again from there.
    """
    scope = replay_scope(request, principal)
    headers = name_request(turn, scope, key)
    begun = await room.replays.begin(key, scope, await request.body())
    if isinstance(begun, Answer):
        return respond(begun)
    resources = AsyncExitStack()
    try:
        chunks = await resources.enter_async_context(
            room.agent.stream(
                "POST",
                "/turns",
                principal,
                json=turn,
                headers=headers,
                idle_seconds=room.settings.stream_idle_seconds,
            )
        )
    except Exception:
        if begun is not None:
            await room.replays.abandon(begun)
        raise
    if begun is None:
        return EventStream(chunks, resources)
    await resources.enter_async_context(room.replays.held(begun))
    return RecordedStream(
        chunks,
        resources,
        on_end=_recorder(room, begun, turn["conversation_id"]),
        keep_bytes=MAX_RECORDED_BYTES,
        finish_seconds=room.settings.turn_seconds,
    )


def _recorder(room: Room, lease: Lease, conversation_id: str) -> OnEnd:
    async def record(whole: bytes | None) -> None:
        if whole is None:
            await room.replays.abandon(lease)
        else:
            await room.replays.finish(lease, Answer(200, whole, STREAM_TYPE, conversation_id=conversation_id))

    return record

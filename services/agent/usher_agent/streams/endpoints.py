"""Server-sent events: a turn as it runs, and resuming one with Last-Event-ID."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from usher_agent.conversations.service import Conversations
from usher_agent.identity import CALLERS, CurrentPrincipal
from usher_agent.streams.log import NumberedFrame
from usher_agent.turns.streaming import TurnStreams
from usher_shared.errors import InvalidRequest

MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(tags=["streams"], dependencies=[CALLERS])


async def encode(frames: AsyncIterator[NumberedFrame | None]) -> AsyncIterator[bytes]:
    """SSE frames with their number as `id`; a comment where the stream has nothing to say."""
    async for numbered in frames:
        if numbered is None:
            yield b": waiting\n\n"
        else:
            yield b"id: %d\ndata: %b\n\n" % (numbered[0], orjson.dumps(numbered[1]))


def event_stream(frames: AsyncIterator[NumberedFrame | None]) -> StreamingResponse:
    return StreamingResponse(encode(frames), media_type=MEDIA_TYPE, headers=_HEADERS)


async def _last_event_id(last_event_id: Annotated[str | None, Header()] = None) -> int:
    text = (last_event_id or "0").strip()
    if not text.isdecimal() or len(text) > 15:
        raise InvalidRequest("Last-Event-ID is the number of a received event", code="bad_last_event_id")
    return int(text)


@router.get(
    "/conversations/{conversation_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "AG-UI events after Last-Event-ID"}},
)
async def resume(
    conversation_id: str,
    after: Annotated[int, Depends(_last_event_id)],
    principal: CurrentPrincipal,
    request: Request,
) -> StreamingResponse:
    """Replay what was stored after `Last-Event-ID` (from the start without it), then follow the running turn."""
    conversations: Conversations = request.app.state.conversations
    streams: TurnStreams = request.app.state.streams
    await conversations.find(conversation_id, principal.customer_id)
    return event_stream(streams.follow(conversation_id, after))

"""/v1: OpenAI's chat completions and models."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from usher_inference.completions import service, wire
from usher_inference.completions.model import ChatRequest
from usher_inference.completions.ports import Engine
from usher_shared.clock import Clock
from usher_shared.http.app import require_caller
from usher_shared.http.problem import MEDIA_TYPE as PROBLEM
from usher_shared.ids import IdGenerator


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoints need."""

    engines: service.Engines
    clock: Clock
    ids: IdGenerator
    max_messages: int
    since: datetime


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.completions
    return desk


DeskDep = Annotated[Desk, Depends(_desk)]
_ERROR = {
    "description": "OpenAI's error object (a body over the limit and a crash: a problem document)",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["message", "type", "param", "code"],
                        "properties": {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": {"type": ["string", "null"]},
                            "code": {"type": ["string", "null"]},
                        },
                    }
                },
            }
        },
        PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}
router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    dependencies=[Depends(require_caller("agent", "cli", "gateway"))],
    responses={"4XX": _ERROR, "5XX": _ERROR, 422: _ERROR},
)


@router.post("/chat/completions")
async def create_completion(body: ChatRequest, desk: DeskDep) -> Response:
    """Continue the conversation: a JSON answer, or `text/event-stream` chunks when `stream` is true."""
    completion = service.start(desk.engines, body, max_messages=desk.max_messages)
    now = desk.clock.now()
    if body.stream:
        frames = await wire.open_stream(completion, desk.ids, now)
        return StreamingResponse(frames, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
    whole = await wire.render_whole(completion, desk.ids, now)
    return Response(orjson.dumps(whole), media_type="application/json")


@router.get("/models")
async def list_models(desk: DeskDep) -> dict[str, Any]:
    """The models served here."""
    return {"object": "list", "data": [_describe(engine, desk) for engine in desk.engines.all]}


@router.get("/models/{model}")
async def get_model(model: str, desk: DeskDep) -> dict[str, Any]:
    """One model; 404 when it is not served."""
    return _describe(desk.engines.named(model), desk)


def _describe(engine: Engine, desk: Desk) -> dict[str, Any]:
    return {
        "id": engine.model,
        "object": "model",
        "created": int(desk.since.timestamp()),
        "owned_by": "usher",
        "version": engine.version,
    }

"""/v1: OpenAI's chat completions and models."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response

from usher_inference.client_keys import CLIENT
from usher_inference.completions import service
from usher_inference.completions.model import ChatRequest, model_not_found
from usher_inference.completions.ports import Models, Served
from usher_inference.completions.responses import CompletionResponse
from usher_shared.clock import Clock
from usher_shared.http.app import require_caller
from usher_shared.http.problem import MEDIA_TYPE as PROBLEM
from usher_shared.ids import IdGenerator


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for."""

    max_messages: int
    default_deadline_seconds: float
    max_deadline_seconds: float

    def deadline(self, wanted: float | None) -> float:
        """In seconds."""
        return min(wanted or self.default_deadline_seconds, self.max_deadline_seconds)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the endpoints need."""

    models: Models
    clock: Clock
    ids: IdGenerator
    limits: Limits


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.completions
    return desk


DeskDep = Annotated[Desk, Depends(_desk)]
ConversationHeader = Annotated[
    str | None, Header(max_length=256, description="conversations keep to one release while traffic is split")
]
DeadlineHeader = Annotated[
    float | None,
    Header(gt=0, allow_inf_nan=False, description="seconds that the whole answer may take, waiting included"),
]
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
    dependencies=[Depends(require_caller("agent", "cli", "gateway", CLIENT))],
    responses={"4XX": _ERROR, "5XX": _ERROR, 422: _ERROR},
)


@router.post("/chat/completions")
async def create_completion(
    body: ChatRequest,
    desk: DeskDep,
    usher_conversation: ConversationHeader = None,
    usher_deadline: DeadlineHeader = None,
) -> Response:
    """Continue the conversation: a JSON answer, or `text/event-stream` chunks when `stream` is true."""
    completion = service.start(
        desk.models,
        body,
        max_messages=desk.limits.max_messages,
        conversation_id=usher_conversation,
        deadline_seconds=desk.limits.deadline(usher_deadline),
    )
    return CompletionResponse(completion, desk.ids, desk.clock.now())


@router.get("/models")
async def list_models(desk: DeskDep) -> dict[str, Any]:
    """The models served here."""
    return {"object": "list", "data": [_describe(served) for served in desk.models.all()]}


@router.get("/models/{model}")
async def get_model(model: str, desk: DeskDep) -> dict[str, Any]:
    """One model; 404 when it is not served."""
    for served in desk.models.all():
        if served.engine.model == model:
            return _describe(served)
    raise model_not_found(model)


def _describe(served: Served) -> dict[str, Any]:
    return {
        "id": served.engine.model,
        "object": "model",
        "created": int(served.since.timestamp()),
        "owned_by": "usher",
        "version": served.engine.version,
    }

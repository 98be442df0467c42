"""/v1: OpenAI's chat completions and models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response

from usher_inference.client_keys import CLIENT
from usher_inference.completions import service
from usher_inference.completions.bodies import StrictJsonRoute
from usher_inference.completions.model import ChatRequest, model_not_found
from usher_inference.completions.ports import Models
from usher_inference.completions.responses import CompletionResponse
from usher_inference.embeddings.ports import Embedder
from usher_shared.clock import Clock
from usher_shared.http.app import require_caller
from usher_shared.http.problem import MEDIA_TYPE as PROBLEM
from usher_shared.ids import IdGenerator


@dataclass(frozen=True, slots=True)
class RequestLimits:
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
    limits: RequestLimits
    embedders: Sequence[Embedder]
    since: datetime


async def _desk(request: Request) -> Desk:  # async, or every request would be handed to a thread and back
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
_ERROR: dict[str, Any] = {
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
ERRORS: dict[int | str, dict[str, Any]] = {"4XX": _ERROR, "5XX": _ERROR, 422: _ERROR}
may_ask = require_caller("agent", "cli", "gateway", CLIENT)  # whoever may ask a model anything
router = APIRouter(
    prefix="/v1",
    tags=["openai"],
    route_class=StrictJsonRoute,
    dependencies=[Depends(may_ask)],
    responses=ERRORS,
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
    return {"object": "list", "data": list(_describe_all(desk))}


@router.get("/models/{model:path}")
async def get_model(model: str, desk: DeskDep) -> dict[str, Any]:
    """One model; 404 when it is not served."""
    for described in _describe_all(desk):
        if described["id"] == model:
            return described
    raise model_not_found(model)


def _describe_all(desk: Desk) -> Iterator[dict[str, Any]]:
    """Each model once; while its traffic is split, with the version that comes first."""
    described = set()
    for served in desk.models.all():
        if served.engine.model not in described:
            described.add(served.engine.model)
            yield _describe(served.engine.model, served.engine.version, served.since)
    for embedder in desk.embedders:
        yield _describe(embedder.model, embedder.version, desk.since)


def _describe(model: str, version: str, since: datetime) -> dict[str, Any]:
    return {
        "id": model,
        "object": "model",
        "created": int(since.timestamp()),
        "owned_by": "usher",
        "version": version,
    }

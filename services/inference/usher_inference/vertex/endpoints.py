"""The predict route: Vertex AI's instances, and chat completions through rawPredict and streamRawPredict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from usher_inference.completions.endpoints import ERRORS
from usher_inference.completions.responses import CompletionResponse
from usher_inference.vertex.model import Predict, RawChat, read_body
from usher_inference.vertex.responses import PredictionsResponse
from usher_inference.vertex.service import Predictor


async def _predictor(request: Request) -> Predictor:  # async, or it would be handed to a thread and back
    predictor: Predictor = request.app.state.predictor
    return predictor


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "instances with parameters, or a chat completion's request",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "instances": {"type": "array", "items": {"type": "object"}, "minItems": 1},
                        "parameters": {"type": "object"},
                        "messages": {"type": "array", "items": {"type": "object"}},
                    },
                }
            }
        },
    }
}


def predict_router(path: str, guards: Sequence[Any]) -> APIRouter:
    """The predict route at `path`, behind `guards` (dependencies). `app.state.predictor` answers."""
    router = APIRouter(tags=["vertex"], dependencies=list(guards), responses=ERRORS)

    @router.post(path, openapi_extra=_BODY)
    async def predict(request: Request, predictor: Annotated[Predictor, Depends(_predictor)]) -> Response:
        """Predictions in the instances' order. A chat completion's request, bare or as the one instance marked
        `"@requestFormat": "chatCompletions"`, is answered as one, or streamed when it says so."""
        asked = read_body(await request.body(), most_instances=predictor.limits.most_instances)
        if isinstance(asked, Predict) and asked.chat is None:
            return PredictionsResponse(predictor.limits, predictor.predict(asked))
        completion = predictor.start(asked)
        if isinstance(asked, RawChat) or completion.request.stream:
            return CompletionResponse(completion, predictor.ids, predictor.clock.now())
        return PredictionsResponse(
            predictor.limits, predictor.predict_chat(completion), completion.prompt.deadline_seconds
        )

    return router

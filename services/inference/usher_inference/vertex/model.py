"""The wire of Vertex AI's predict route.

`predict` sends `{"instances": […], "parameters"?: …}` and wants `{"predictions": […]}`
(https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements#request_requirements).
`rawPredict` and `streamRawPredict` send any body to the same route and pass the answer on as it is.

Google's vLLM container takes a chat completion's request as the only instance, marked `"@requestFormat":
"chatCompletions"`, and answers `{"predictions": {"choices": …}}`, an object: what Google's own clients and LiteLLM's
(`litellm/llms/vertex_ai/vertex_gemma_models`) read. So does this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from usher_inference.completions.model import ChatRequest
from usher_shared.errors import InvalidRequest
from usher_shared.events.envelope import describe

REQUEST_FORMAT, CHAT = "@requestFormat", "chatCompletions"


@dataclass(frozen=True, slots=True)
class Predict:
    """What a request asks for: `instances` to be answered one by one under `parameters`."""

    instances: list[Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def chat(self) -> dict[str, Any] | None:
        """The chat completion's request, where that is the only instance: it is answered as such, or streamed."""
        only = self.instances[0] if len(self.instances) == 1 else None
        return only if is_chat(only) else None


@dataclass(frozen=True, slots=True)
class RawChat:
    """A chat completion's request as the whole body."""

    request: dict[str, Any]


def is_chat(instance: Any) -> bool:
    """Whether it is marked as a chat completion's request, and wants a completion for an answer."""
    return isinstance(instance, dict) and instance.get(REQUEST_FORMAT) == CHAT


def read_body(raw: bytes, *, most_instances: int) -> Predict | RawChat:
    """Raises InvalidRequest for what is neither instances nor a chat completion's request."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("the body is not JSON", code="invalid_json") from error
    if not isinstance(found, dict):
        raise InvalidRequest("the body is not a JSON object")
    if "instances" not in found:
        if "messages" in found:
            return RawChat(found)
        raise InvalidRequest("the body has neither instances nor messages", extra={"param": "instances"})
    instances, parameters = found["instances"], found.get("parameters")
    if not isinstance(instances, list) or not instances:
        raise InvalidRequest("instances has to be a list with something in it", extra={"param": "instances"})
    if len(instances) > most_instances:
        raise InvalidRequest(f"more than {most_instances} instances", extra={"param": "instances"})
    if not isinstance(parameters, dict | None):
        raise InvalidRequest("parameters has to be an object", extra={"param": "parameters"})
    return Predict(instances, parameters or {})


def read_request(found: Any, parameters: dict[str, Any], default_model: str) -> ChatRequest:
    """An instance as a chat completion's request. What it says itself wins over `parameters`; `null` says nothing.

    Raises InvalidRequest naming the first bad field.
    """
    if not isinstance(found, dict):
        raise InvalidRequest("an instance has to be an object with messages", extra={"param": "messages"})
    if found.get(REQUEST_FORMAT, CHAT) != CHAT:
        raise InvalidRequest(f"{REQUEST_FORMAT} may be {CHAT} alone", extra={"param": REQUEST_FORMAT})
    said = {name: value for name, value in found.items() if value is not None}
    merged = {**parameters, **said}
    # an endpoint is itself the model's name, and its clients send an empty one
    merged["model"] = merged.get("model") or default_model
    try:
        return ChatRequest.model_validate(merged)
    except ValidationError as error:
        param = ".".join(map(str, error.errors()[0]["loc"]))
        raise InvalidRequest(describe(error), extra={"param": param}) from error

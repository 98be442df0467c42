"""Lines of a batch: what is asked, and what is written for it.

Three shapes are read, each line by itself, and each is answered in its own:

* OpenAI's batch lines, `{"custom_id", "method", "url", "body"}` -> `{"id", "custom_id", "response": {"status_code",
  "request_id", "body"}, "error"}` (https://platform.openai.com/docs/api-reference/batch/request-output).
* `{"request": …}`, a chat completion's body -> `{"request", "response", "status"}`; `status` is empty when all is well.
  Vertex AI wraps Gemini's batches so
  (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-from-cloud-storage).
* an instance of `/predict`, bare or as `{"instance": …}` -> `{"instance", "prediction"}`, or `{"instance", "error":
  {"code", "message"}}` with google.rpc's code. Vertex AI writes a custom container's batch predictions so
  (https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions).

A line that cannot be read at all is answered by `{"line", "error"}`, numbered from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from usher_shared.errors import InvalidRequest

Shape = Literal["openai", "request", "instance"]
CHAT_URL = "/v1/chat/completions"
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto, by the HTTP status that it stands for
_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 413: 3, 429: 8, 499: 1, 501: 12, 503: 14, 504: 4}
_RPC_INTERNAL = 13
_ANSWERED = ("response", "prediction", "error")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that could be read. `asked` is the request in it; `key` is what its answer repeats to be told by."""

    shape: Shape
    asked: dict[str, Any]
    key: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a line has no answer. `status` is HTTP's; `error` is OpenAI's error object."""

    status: int
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """Of `total` lines `done` are written, `failed` of them as errors; `resumed` were there from an earlier run."""

    total: int
    done: int
    failed: int
    resumed: int
    seconds: float

    @property
    def all_failed(self) -> bool:
        return self.done > 0 and self.failed == self.done


def read_line(raw: bytes) -> Line:
    """Raises InvalidRequest for what is no line of a batch."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("the line is not JSON", code="invalid_json") from error
    if not isinstance(found, dict):
        raise InvalidRequest("the line is not a JSON object", code="invalid_line")
    if "custom_id" in found:
        return _openai(found)
    for shape in ("request", "instance"):
        if isinstance(inner := found.get(shape), dict):
            return Line("request" if shape == "request" else "instance", inner, inner)
    if "messages" in found:
        return Line("instance", found, found)
    raise InvalidRequest(
        "the line has neither custom_id and body, nor request, instance or messages", code="invalid_line"
    )


def _openai(found: dict[str, Any]) -> Line:
    if found.get("method", "POST") != "POST" or found.get("url") != CHAT_URL:
        raise InvalidRequest(f"only POST to {CHAT_URL} is answered in a batch", code="invalid_line")
    if not isinstance(found["custom_id"], str) or not isinstance(found.get("body"), dict):
        raise InvalidRequest("custom_id has to be a text and body an object", code="invalid_line")
    return Line("openai", found["body"], found["custom_id"])


def render_line(line: Line, answer: dict[str, Any] | Failure, id: str) -> dict[str, Any]:
    """The line of output. `answer` is the completion, or the prediction where an instance was asked."""
    failed = isinstance(answer, Failure)
    if line.shape == "openai":
        status, body = (answer.status, {"error": answer.error}) if isinstance(answer, Failure) else (200, answer)
        response = {"status_code": status, "request_id": id, "body": body}
        return {"id": f"batch_{id}", "custom_id": line.key, "response": response, "error": None}
    if line.shape == "request":
        status_text = answer.error["message"] if isinstance(answer, Failure) else ""
        return {"request": line.key, "response": {} if failed else answer, "status": status_text}
    if isinstance(answer, Failure):
        code = _RPC_CODES.get(answer.status, _RPC_INTERNAL)
        return {"instance": line.key, "error": {"code": code, "message": answer.error["message"]}}
    return {"instance": line.key, "prediction": answer}


def render_unreadable(number: int, failure: Failure) -> dict[str, Any]:
    """The line of output for line `number` (from 1) that could not be read."""
    return {"line": number, "error": {"code": failure.error["code"], "message": failure.error["message"]}}


def is_failed(written: dict[str, Any]) -> bool:
    """Whether a line of output tells of a failure."""
    if "custom_id" in written:
        response = written.get("response")
        return not isinstance(response, dict) or response.get("status_code") != 200
    return bool(written.get("error") or written.get("status"))


def answers(written: dict[str, Any], number: int, raw: bytes) -> bool:
    """Whether a line of output is of the `number`th line of input, `raw`."""
    try:
        line = read_line(raw)
    except InvalidRequest:
        return bool(written.get("line") == number)
    field = "custom_id" if line.shape == "openai" else line.shape
    return bool(written.get(field) == line.key) and not written.keys().isdisjoint(_ANSWERED)

"""RFC 9457 problem documents."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, ConfigDict

from usher_shared.errors import UsherError
from usher_shared.telemetry import current

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    """The body of every error. `code` is stable; `errors` names each bad field of an invalid request."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in {
        "4XX": "The request cannot be served as it is",
        "5XX": "The service cannot answer now",
    }.items()
} | {
    422: {
        "description": "Not valid",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    retry_after_seconds: float | None = None,
    extra: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    context = current()
    body: dict[str, object] = {
        "type": f"urn:usher:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": context.request_id if context else None,
        **(extra or {}),
    }
    headers = dict(headers or {})
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_seconds)))
    if status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    if status == 408:
        headers["Connection"] = "close"  # what is left of the request is read by nobody
    try:
        content = orjson.dumps(body)
    except TypeError:  # echoes text that is no Unicode (a lone surrogate)
        content = json.dumps(body).encode()
    return Response(content, status, headers, MEDIA_TYPE)


def render_error(error: UsherError) -> Response:
    return problem_response(
        error.http_status,
        error.code,
        error.detail,
        retry_after_seconds=error.retry_after_seconds,
        extra=error.extra,
    )

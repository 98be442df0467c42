"""Errors of the routes that models answer, in OpenAI's shape; every other route keeps problem documents."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from usher_inference.completions.wire import error_type, render_problem
from usher_shared.errors import UsherError

_RETRY_SECONDS = 1.0  # where nobody knows better
_Handler = Callable[[Request, Exception], Awaitable[Response]]


def answer_in_openai_shape(app: FastAPI, under: tuple[str, ...] = ("/v1/",), but: tuple[str, ...] = ()) -> None:
    """Wraps the app's error handlers: they answer `{"error": {message, type, param, code}}`.

    So do all paths `under` these, `but` for those that are no API of OpenAI's.
    """
    renderers: tuple[tuple[type[Exception], Callable[[Exception], Response]], ...] = (
        (UsherError, _usher_error),
        (RequestValidationError, _invalid),
        (HTTPException, _http_error),
    )
    for kind, render in renderers:
        app.add_exception_handler(kind, _only(under, but, render, cast(_Handler, app.exception_handlers[kind])))


def _only(
    under: tuple[str, ...], but: tuple[str, ...], render: Callable[[Exception], Response], otherwise: _Handler
) -> _Handler:
    async def handle(request: Request, error: Exception) -> Response:
        usual = await otherwise(request, error)
        if not request.url.path.startswith(under) or request.url.path.startswith(but):
            return usual
        return render(error)

    return handle


def _usher_error(error: Exception) -> Response:
    known = cast(UsherError, error)
    headers = {} if known.http_status != 401 else {"WWW-Authenticate": "Bearer"}
    is_lasting = known.code == "model_broken" and known.retry_after_seconds is None  # until an operator mends it
    if not is_lasting and (known.retry_after_seconds is not None or known.http_status in (429, 503)):
        headers["Retry-After"] = str(max(1, math.ceil(known.retry_after_seconds or _RETRY_SECONDS)))
    if known.http_status == 504 or is_lasting:
        headers["X-Should-Retry"] = "false"  # OpenAI's clients would ask the same again, at once
    return _respond(known.http_status, render_problem(known), headers)


def _invalid(error: Exception) -> Response:
    """400 naming the first bad field; OpenAI has no 422."""
    first = cast(RequestValidationError, error).errors()[0]
    if first["type"] == "json_invalid":
        param, message = None, f"the body is no JSON: {first['ctx']['error']}"
    else:
        param = ".".join(str(part) for part in first["loc"] if part != "body") or None
        message = f"{param or 'body'}: {first['msg']}"
    problem = {"message": message, "type": error_type(400), "param": param, "code": "invalid_request"}
    return _respond(400, problem, {})


def _http_error(error: Exception) -> Response:
    known = cast(HTTPException, error)
    code = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}.get(known.status_code, "http_error")
    problem = {"message": str(known.detail), "type": error_type(known.status_code), "param": None, "code": code}
    return _respond(known.status_code, problem, dict(known.headers or {}))


def _respond(status: int, problem: Mapping[str, object], headers: dict[str, str]) -> Response:
    return Response(orjson.dumps({"error": problem}), status, headers, "application/json")

"""Pure ASGI middleware: ids, trace continuation, body limit, access log."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from usher_shared.http.problem import problem_response
from usher_shared.telemetry import current, span, use_context
from usher_shared.telemetry.context import context_from_headers
from usher_shared.telemetry.tracing import SpanKind

_LOG = logging.getLogger("usher.access")
_QUIET = ("/health", "/live", "/ready")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class _BodyTooLarge(HTTPException):
    """Raised out of `receive`, through the framework, which lets HTTPException pass."""

    def __init__(self) -> None:
        super().__init__(413, "the body is too large", {"Connection": "close"})


class RequestMiddleware:
    """Gives every request its ids (in the context, the answer's headers and the log) and bounds its body in bytes."""

    def __init__(self, app: AsgiApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        context = context_from_headers(
            headers.get(b"x-request-id", b"").decode("latin-1") or None,
            headers.get(b"traceparent", b"").decode("latin-1") or None,
        )
        started = time.perf_counter()
        status = 0
        received = 0

        async def bounded_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise _BodyTooLarge
            return message

        async def marked_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", context.request_id.encode()),
                    (b"traceparent", (current() or context).traceparent.encode()),
                ]
            await send(message)

        with use_context(context), span(f"{scope['method']} {scope['path']}", SpanKind.SERVER):
            declared = headers.get(b"content-length", b"0")
            try:
                if declared.isdigit() and int(declared) > self._max_body_bytes:
                    raise _BodyTooLarge
                await self._app(scope, bounded_receive, marked_send)
            except _BodyTooLarge as error:
                answer = problem_response(413, "payload_too_large", error.detail, headers=dict(error.headers or {}))
                await answer(scope, receive, marked_send)
            except Exception as error:
                _LOG.error("unexpected error", exc_info=error)
                if status:
                    raise  # the answer has begun: the server cuts it off
                answer = problem_response(500, "internal_error", "an unexpected error occurred; it was logged")
                await answer(scope, receive, marked_send)
            if scope["path"] not in _QUIET:
                _LOG.info(
                    "request",
                    extra={
                        "method": scope["method"],
                        "path": scope["path"],
                        "status": status,
                        "duration_ms": round((time.perf_counter() - started) * 1000, 2),
                    },
                )

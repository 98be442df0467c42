"""The app factory: one look for errors, health and identity across all services."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse

from usher_shared.bus import PushEnvelope, decode_push, is_wanted
from usher_shared.errors import Forbidden, Unauthenticated, UsherError
from usher_shared.events import Event, InvalidEvent
from usher_shared.http.middleware import RequestMiddleware
from usher_shared.http.problem import RESPONSES, Problem, problem_response, render_error
from usher_shared.http.tokens import TokenVerifier
from usher_shared.telemetry import follow_trace, span
from usher_shared.telemetry.tracing import SpanKind

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS = 3.0

Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_bearer = HTTPBearer(auto_error=False, description="token between services")


class Health(BaseModel):
    status: str
    service: str
    version: str


class Readiness(BaseModel):
    """`checks` maps each dependency to `ok` or to what is wrong; what the service can do without is `degraded`."""

    status: str
    checks: dict[str, str]


def create_service_app(
    service: str,
    *,
    version: str,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    verifier: TokenVerifier,
    checks: Mapping[str, Check],
    optional_checks: Mapping[str, Check] | None = None,
    summary: str = "",
    max_body_bytes: int = 1 << 20,
    middleware: Sequence[Middleware] = (),
    public_docs: bool = False,
) -> FastAPI:
    """A FastAPI app with the house's conventions. Whatever endpoints need stands in `app.state` (set by the caller).

    `checks` are awaited by /ready: returning means well; raising names what is wrong (503). `optional_checks`
    are of what the service can do without: named as degraded, never a 503. `middleware`, outermost first,
    runs inside the one that gives a request its ids and bounds its body. `public_docs` serves /docs and
    /openapi.json to anyone: for the public API alone; elsewhere /openapi.json is the operator's (caller cli).
    """
    app = FastAPI(
        title=f"Usher {service}",
        version=version,
        summary=summary,
        lifespan=lifespan,
        responses=RESPONSES,
        middleware=list(middleware),
        docs_url="/docs" if public_docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if public_docs else None,
    )
    app.state.service = service
    app.state.verifier = verifier
    app.add_middleware(RequestMiddleware, max_body_bytes=max_body_bytes)
    app.add_exception_handler(UsherError, _on_usher_error)
    app.add_exception_handler(InvalidEvent, _on_invalid_event)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.include_router(_health_router(service, version, checks, optional_checks or {}))
    if not public_docs:
        app.include_router(_schema_router(app))
    for router in routers:
        app.include_router(router)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary or None, routes=app.routes)
        models = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(models.pop("$defs", {}))
        schemas["Problem"] = models
        app.openapi_schema = schema
    return app.openapi_schema


def _health_router(service: str, version: str, checks: Mapping[str, Check], optional: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health")
    @router.get("/live")
    async def health() -> Health:
        return Health(status="ok", service=service, version=version)

    async def run(check: Check) -> str:
        try:
            await asyncio.wait_for(check(), _CHECK_SECONDS)
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:200]
        return "ok"

    @router.get("/ready")
    async def ready(response: Response) -> Readiness:
        every = {**checks, **optional}
        results = dict(zip(every, await asyncio.gather(*map(run, every.values())), strict=True))
        well = all(results[name] == "ok" for name in checks)
        for name in optional:
            if results[name] != "ok":
                results[name] = f"degraded: {results[name]}"
        response.status_code = 200 if well else 503
        return Readiness(status="ready" if well else "not ready", checks=results)

    return router


def _schema_router(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[Depends(require_caller("cli"))])

    @router.get("/openapi.json")
    async def schema() -> JSONResponse:
        return JSONResponse(app.openapi())

    return router


def require_caller(*allowed: str) -> Callable[..., Awaitable[str]]:
    """A dependency: the calling service's name, if it is one of `allowed`; 401 or 403 otherwise."""

    async def caller(  # async, or every request would be handed to a thread and back
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str:
        if credentials is None:
            raise Unauthenticated("a service token is required", code="no_token")
        name: str = await request.app.state.verifier.verify(credentials.credentials, request.app.state.service)
        if name not in allowed:
            raise Forbidden(f"{name} may not call this", code="wrong_caller")
        return name

    return caller


def push_router(handle: Callable[[Event], Awaitable[None]], *, path: str = "/push") -> APIRouter:
    """The push endpoint of a subscriber: returning acknowledges, InvalidEvent dead-letters, else redelivered.

    What its subscription's filter holds back is acknowledged and not handled.

    `handle` runs in the event's own trace.
    """
    router = APIRouter(tags=["events"])

    @router.post(path, status_code=204, dependencies=[Depends(require_caller("bus"))])
    async def push(envelope: PushEnvelope) -> None:
        if not is_wanted(envelope):
            return
        event = decode_push(envelope)
        with follow_trace(event.traceparent), span(f"process {event.type}", SpanKind.CONSUMER, event_id=event.id):
            await handle(event)

    return router


async def _on_usher_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, UsherError)  # noqa: S101  registered for this type alone
    if error.http_status >= 500:
        _LOG.error("request failed", extra={"code": error.code, "detail": error.detail})
    return render_error(error)


async def _on_invalid_event(_: Request, error: Exception) -> Response:
    _LOG.warning("invalid event", extra={"detail": str(error)[:500]})
    return problem_response(400, "invalid_event", str(error)[:500])


async def _on_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type alone
    fields = [
        {
            # a JSON error's place is a position in the text, not a field
            "field": "body"
            if e["type"] == "json_invalid"
            else ".".join(map(str, e["loc"])).removeprefix("body.") or "body",
            "message": str(e["msg"]),
        }
        for e in error.errors()
    ]
    names = ", ".join(sorted({f["field"] for f in fields}))
    return problem_response(422, "validation_failed", f"not valid: {names}", extra={"errors": fields})


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this type alone
    code = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}.get(error.status_code, "http_error")
    headers = dict(error.headers) if error.headers else None
    return problem_response(error.status_code, code, str(error.detail), headers=headers)

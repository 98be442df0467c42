"""The app in Vertex AI's custom container: the health route and the predict route, and nothing else to be asked.

Vertex AI alone reaches the container's port, after it has checked the caller's `aiplatform.endpoints.predict`; no token
of ours arrives with a request. So there is no other route that does anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI

from usher_inference.app import VERSION
from usher_inference.completions.errors import answer_in_openai_shape
from usher_inference.completions.ports import Models
from usher_inference.metrics import Metrics
from usher_inference.monitoring.answers import ObservedModels
from usher_inference.monitoring.readiness import Readiness
from usher_inference.settings import Settings
from usher_inference.vertex.endpoints import predict_router
from usher_inference.vertex.limits import DEDICATED_BYTES, limits_of
from usher_inference.vertex.loading import LoadingModels
from usher_inference.vertex.service import Predictor
from usher_shared.clock import Clock
from usher_shared.errors import Forbidden
from usher_shared.http.app import create_service_app
from usher_shared.ids import IdGenerator


@dataclass(frozen=True)
class VertexDeps:
    """`load` gives the models and frees them at the end; `failed` is told, once, why it could not."""

    load: Callable[[], AbstractAsyncContextManager[Models]]
    failed: Callable[[Exception], None]
    clock: Clock
    ids: IdGenerator
    metrics: Metrics = field(default_factory=Metrics)


class _Nobody:
    """Verifies no token: what needs one is closed here."""

    async def verify(self, token: str, audience: str) -> str:
        raise Forbidden("nobody calls this on Vertex AI")


def create_vertex_app(settings: Settings, health_route: str, predict_route: str, deps: VertexDeps) -> FastAPI:
    """Serves at once, and answers 503 until the models are loaded and have generated."""
    loading = LoadingModels()
    readiness = Readiness(loading, fresh_seconds=settings.ready_seconds)
    models = ObservedModels(loading, deps.metrics, readiness.heard)

    async def load(stack: AsyncExitStack) -> None:
        try:
            loading.put(await stack.enter_async_context(deps.load()))
        except Exception as error:
            deps.failed(error)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            task = asyncio.create_task(load(stack))
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    limits = limits_of(settings)
    app = create_service_app(
        "inference",
        version=VERSION,
        routers=[],
        lifespan=lifespan,
        verifier=_Nobody(),
        checks={"engine": readiness.check},
        summary="A model in Vertex AI's custom container",
        max_body_bytes=limits.most_bytes or DEDICATED_BYTES,
    )
    usual = len(app.router.routes)
    app.include_router(_health_router(health_route, readiness.check))
    app.include_router(predict_router(predict_route, guards=()))
    # first: Vertex AI may ask for a route by the name of one of ours, and means its own
    app.router.routes[:] = app.router.routes[usual:] + app.router.routes[:usual]
    app.state.predictor = Predictor(models, deps.clock, deps.ids, limits)
    answer_in_openai_shape(app, under=("/v1/", predict_route))
    return app


def _health_router(path: str, check: Callable[[], Awaitable[None]]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get(path)
    async def health() -> dict[str, str]:
        """200 when a request would be answered now: what Vertex AI sends traffic by."""
        await check()
        return {"status": "ok"}

    return router

"""The inference service: its dependencies and its app."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI

from usher_inference.client_keys import ClientKeys
from usher_inference.completions import endpoints
from usher_inference.completions.errors import answer_in_openai_shape
from usher_inference.completions.ports import Models, RemoteEngine
from usher_inference.embeddings import endpoints as embeddings
from usher_inference.embeddings.lexical import LexicalEmbedder
from usher_inference.embeddings.ports import Embedder
from usher_inference.insights import endpoints as insights
from usher_inference.insights.service import InsightBounds, Insights
from usher_inference.metrics import Metrics
from usher_inference.monitoring import endpoints as monitoring
from usher_inference.monitoring.answers import ObservedModels
from usher_inference.monitoring.readiness import Readiness
from usher_inference.releases import endpoints as releases
from usher_inference.releases.events import ReleaseEvents
from usher_inference.releases.service import ReleasedModels
from usher_inference.settings import Settings
from usher_inference.vertex.endpoints import predict_router
from usher_inference.vertex.limits import limits_of
from usher_inference.vertex.service import Predictor
from usher_shared.clock import Clock
from usher_shared.http.app import create_service_app, push_router
from usher_shared.http.tokens import TokenVerifier
from usher_shared.ids import IdGenerator

VERSION = version("usher-inference")
PREDICT = "/predict"


@dataclass(frozen=True)
class Deps:
    """What the app is built from; `metrics` are shared with the engines that measure themselves.

    `releases` are the `models`, where these come and go. `embedders` differ in their models' ids. `elsewhere` are those
    among the engines that ask other servers: /ready can do without them, and their connections end with the app.
    """

    models: Models
    verifier: TokenVerifier
    clock: Clock
    ids: IdGenerator
    metrics: Metrics = field(default_factory=Metrics)
    releases: ReleasedModels | None = None
    embedders: Sequence[Embedder] = (LexicalEmbedder(),)
    elsewhere: Sequence[RemoteEngine] = ()


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    """The ASGI app; /ready is well when every engine that runs here has generated of late."""
    readiness = Readiness(deps.models, fresh_seconds=settings.ready_seconds, elsewhere=deps.elsewhere)
    models = ObservedModels(deps.models, deps.metrics, readiness.heard)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if deps.models.all():
            await readiness.check()  # the first request finds everything loaded
        if deps.releases is not None:
            await deps.releases.start(settings.releases_poll_seconds)
        yield
        if deps.releases is not None:
            await deps.releases.close()
        for engine in deps.elsewhere:
            await engine.close()

    app = create_service_app(
        "inference",
        version=VERSION,
        routers=[
            endpoints.router,
            embeddings.router,
            insights.router,
            predict_router(PREDICT, [Depends(endpoints.may_ask)]),
            monitoring.router,
            *_release_routers(deps.releases),
        ],
        lifespan=lifespan,
        verifier=ClientKeys(settings.client_keys, deps.verifier),
        checks={"engine": readiness.check} | ({"releases": deps.releases.check} if deps.releases else {}),
        optional_checks=({"newest release": deps.releases.check_followed} if deps.releases else {})
        | ({"elsewhere": readiness.check_elsewhere} if deps.elsewhere else {}),
        summary="Models behind an OpenAI-compatible API",
        max_body_bytes=settings.max_body_bytes,
    )
    limits = endpoints.RequestLimits(
        settings.max_messages, settings.default_deadline_seconds, settings.max_deadline_seconds
    )
    app.state.metrics = deps.metrics
    app.state.models = models
    app.state.releases = deps.releases
    app.state.completions = endpoints.Desk(models, deps.clock, deps.ids, limits, deps.embedders, deps.clock.now())
    app.state.insights = Insights(models, deps.clock, VERSION, settings.insights_model, _bounds(settings))
    app.state.predictor = Predictor(models, deps.clock, deps.ids, limits_of(settings))
    answer_in_openai_shape(app, under=("/v1/", PREDICT), but=("/v1/insights",))
    return app


def _bounds(settings: Settings) -> InsightBounds:
    return InsightBounds(settings.insights_rows, settings.insights_joins, settings.default_deadline_seconds)


def _release_routers(models: ReleasedModels | None) -> list[APIRouter]:
    pushes = push_router(ReleaseEvents(models).handle)
    return [pushes] if models is None else [pushes, releases.router]

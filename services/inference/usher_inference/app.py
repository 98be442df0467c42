"""The inference service: its dependencies and its app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from fastapi import FastAPI

from usher_inference.client_keys import ClientKeys
from usher_inference.completions import endpoints
from usher_inference.completions.errors import answer_in_openai_shape
from usher_inference.completions.ports import Models
from usher_inference.metrics import Metrics
from usher_inference.monitoring import endpoints as monitoring
from usher_inference.monitoring.answers import ObservedModels
from usher_inference.monitoring.readiness import Readiness
from usher_inference.settings import Settings
from usher_shared.clock import Clock
from usher_shared.http.app import create_service_app
from usher_shared.http.tokens import TokenVerifier
from usher_shared.ids import IdGenerator

VERSION = version("usher-inference")


@dataclass(frozen=True)
class Deps:
    """What the app is built from; `metrics` are shared with the engines that measure themselves."""

    models: Models
    verifier: TokenVerifier
    clock: Clock
    ids: IdGenerator
    metrics: Metrics = field(default_factory=Metrics)


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    """The ASGI app; /ready is well when every engine has generated of late."""
    readiness = Readiness(deps.models, fresh_seconds=settings.ready_seconds)
    models = ObservedModels(deps.models, deps.metrics, readiness.heard)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if deps.models.all():
            await readiness.check()  # the first request finds everything loaded
        yield

    app = create_service_app(
        "inference",
        version=VERSION,
        routers=[endpoints.router, monitoring.router],
        lifespan=lifespan,
        verifier=ClientKeys(settings.client_keys, deps.verifier),
        checks={"engine": readiness.check},
        summary="Models behind an OpenAI-compatible API",
        max_body_bytes=settings.max_body_bytes,
    )
    limits = endpoints.Limits(settings.max_messages, settings.default_deadline_seconds, settings.max_deadline_seconds)
    app.state.metrics = deps.metrics
    app.state.completions = endpoints.Desk(models, deps.clock, deps.ids, limits)
    answer_in_openai_shape(app)
    return app

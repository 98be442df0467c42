"""The inference service: its dependencies and its app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI

from usher_inference.completions import endpoints
from usher_inference.completions.errors import answer_in_openai_shape
from usher_inference.completions.ports import Models
from usher_inference.completions.service import check_engines
from usher_inference.settings import Settings
from usher_shared.clock import Clock
from usher_shared.http.app import create_service_app
from usher_shared.http.tokens import TokenVerifier
from usher_shared.ids import IdGenerator

VERSION = version("usher-inference")


@dataclass(frozen=True)
class Deps:
    """What the app is built from. `models` serve at least one."""

    models: Models
    verifier: TokenVerifier
    clock: Clock
    ids: IdGenerator


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    """The ASGI app; /ready generates with every engine."""

    async def check() -> None:
        await check_engines(deps.models)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await check()  # the first request finds everything loaded
        yield

    app = create_service_app(
        "inference",
        version=VERSION,
        routers=[endpoints.router],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"engine": check},
        summary="Models behind an OpenAI-compatible API",
        max_body_bytes=settings.max_body_bytes,
    )
    app.state.completions = endpoints.Desk(deps.models, deps.clock, deps.ids, settings.max_messages)
    answer_in_openai_shape(app)
    return app

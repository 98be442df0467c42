"""The bus as a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI

from usher_local.bus import endpoints
from usher_local.bus.push import PushClient
from usher_local.bus.service import Bus
from usher_local.bus.settings import Settings
from usher_local.bus.store import BusStore
from usher_shared.clock import Clock
from usher_shared.events.topics import Topology
from usher_shared.http.app import create_service_app
from usher_shared.http.tokens import TokenSource, TokenVerifier


@dataclass(frozen=True)
class Deps:
    """`url_of` maps a service to its base URL; `tokens` sign as the caller `bus`."""

    topology: Topology
    store: BusStore
    url_of: Callable[[str], str]
    tokens: TokenSource
    verifier: TokenVerifier
    clock: Clock


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    bus = Bus(deps.topology, deps.store, PushClient(deps.url_of, deps.tokens), deps.clock, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await bus.start()
        try:
            yield
        finally:
            await bus.stop()

    app = create_service_app(
        "bus",
        version=version("usher-local"),
        summary="The embedded stack's event bus",
        routers=[endpoints.publishing, endpoints.operating],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"store": bus.ping},
        max_body_bytes=settings.max_body_bytes,
    )
    app.state.bus = bus
    return app

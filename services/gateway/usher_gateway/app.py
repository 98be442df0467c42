"""The gateway's app: the public API in front of the other services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from usher_gateway.access import Room, render_problem
from usher_gateway.admission import PUBLIC_PATHS, Admission
from usher_gateway.agui.endpoints import router as agui_router
from usher_gateway.analytics.endpoints import router as analytics_router
from usher_gateway.catalogue.ports import AnswerCache
from usher_gateway.catalogue.service import SharedReads
from usher_gateway.chat.endpoints import router as chat_router
from usher_gateway.feedback.endpoints import router as feedback_router
from usher_gateway.feedback.service import FeedbackDesk
from usher_gateway.headers import AnswerHeaders
from usher_gateway.identity.keys import KeyRing
from usher_gateway.identity.ports import KeySet
from usher_gateway.identity.service import Authenticator
from usher_gateway.identity.tokens import TokenReader
from usher_gateway.limiting.ports import RequestCounter
from usher_gateway.limiting.service import RateLimiter
from usher_gateway.mcp.endpoints import METADATA_PATH, challenges
from usher_gateway.mcp.endpoints import router as mcp_router
from usher_gateway.notices.endpoints import router as notices_router
from usher_gateway.openapi import describe
from usher_gateway.orders.endpoints import router as orders_router
from usher_gateway.privacy.endpoints import router as privacy_router
from usher_gateway.receipts.endpoints import router as receipts_router
from usher_gateway.replay.service import Replays
from usher_gateway.settings import Settings
from usher_gateway.tickets.endpoints import router as tickets_router
from usher_gateway.upstream import Upstream
from usher_gateway.webhooks.endpoints import router as webhooks_router
from usher_shared.bus import EventBus
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.http.app import create_service_app
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import TokenVerifier
from usher_shared.idempotency import IdempotencyRecords
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox

_ROUTERS = (
    chat_router,
    agui_router,
    mcp_router,
    feedback_router,
    orders_router,
    privacy_router,
    receipts_router,
    tickets_router,
    webhooks_router,
    notices_router,
    analytics_router,
)
_MCP_HEADERS = ("Usher-Customer", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name")
_ALLOWED = ("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "Last-Event-ID", *_MCP_HEADERS)
_EXPOSED = ("X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After", "Idempotent-Replayed", "WWW-Authenticate")


@dataclass(frozen=True)
class Deps:
    """`key_set` holds the token issuer's public keys; None accepts API keys alone.

    Requests are counted in `shared_counter`; in `local_counter`, which never fails, while that one fails.
    `answer_cache` keeps the public catalogue's answers for a moment.
    """

    store: DocumentStore
    bus: EventBus
    agent: ServiceClient
    tools: ServiceClient
    webhooks: ServiceClient
    logger: ServiceClient
    key_set: KeySet | None
    shared_counter: RequestCounter
    local_counter: RequestCounter
    answer_cache: AnswerCache
    verifier: TokenVerifier
    clock: Clock
    ids: IdGenerator


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    """The app; it owns what is in `deps` and closes it at the end. Raises ValueError for unusable settings."""
    outbox = Outbox(deps.store, deps.bus)
    # a lease outlives the longest turn, so that a key in flight is never executed twice
    records = IdempotencyRecords(deps.store, deps.clock)
    clients = {"agent": deps.agent, "tools": deps.tools, "webhooks": deps.webhooks, "logger": deps.logger}
    upstreams = {name: Upstream(client) for name, client in clients.items()}
    room = Room(
        settings=settings,
        upstreams=upstreams,
        replays=Replays(records, render_problem),
        feedback=FeedbackDesk(deps.store, outbox, records, deps.clock, deps.ids),
        catalogue=SharedReads(deps.answer_cache, seconds=settings.catalogue_seconds),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await outbox.start()
        try:
            yield
        finally:
            await outbox.stop()
            for upstream in upstreams.values():
                await upstream.close()
            for counter in (deps.shared_counter, deps.local_counter):
                await counter.close()
            await deps.answer_cache.close()
            await deps.bus.close()
            if deps.key_set is not None:
                await deps.key_set.close()
            await deps.store.close()

    app = create_service_app(
        "gateway",
        version=version("usher-gateway"),
        summary="Ticketing by conversation",
        public_docs=True,
        routers=_ROUTERS,
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={
            "store": deps.store.ping,
            **{name: upstreams[name].check for name in ("agent", "tools")},
        },
        optional_checks={"limits": deps.shared_counter.ping, "cache": deps.answer_cache.ping},
        middleware=[
            Middleware(
                Admission,
                authenticator=_authenticator(settings, deps),
                limiter=RateLimiter(
                    deps.shared_counter, deps.local_counter, default_per_minute=settings.requests_per_minute
                ),
                trusted_proxies=settings.trusted_proxies,
                public_paths=PUBLIC_PATHS | {METADATA_PATH},
                challenges=challenges(settings),
                notices_per_minute=settings.notices_per_minute,
            )
        ],
    )
    app.state.room = room
    app.add_middleware(AnswerHeaders)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=list(_ALLOWED),
            expose_headers=list(_EXPOSED),
            max_age=600,
        )
    describe(app)
    return app


def _authenticator(settings: Settings, deps: Deps) -> Authenticator:
    tokens = None
    if deps.key_set is not None:
        if settings.issuer is None:
            raise ValueError("a key set without an issuer accepts nothing: set USHER_GATEWAY_ISSUER")
        tokens = TokenReader(
            deps.key_set, issuer=settings.issuer, audience=settings.audience, scopes=settings.token_scopes
        )
    return Authenticator(KeyRing(deps.store, deps.clock, cache_seconds=settings.key_cache_seconds), tokens)

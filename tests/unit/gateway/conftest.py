"""A gateway on a free port with a store of its own, in front of small services that answer like the real ones."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from fastapi import FastAPI

from usher_gateway.adapters.caches import answer_cache
from usher_gateway.adapters.counters import WindowCounter
from usher_gateway.app import Deps, create_app
from usher_gateway.identity.keys import create_key
from usher_gateway.settings import Settings
from usher_shared.clock import ManualClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events import Event
from usher_shared.http.client import ServiceClient
from usher_shared.http.key_sets import FileKeySet
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "a secret for the tests of the gateway, long enough"
ISSUER = "https://issuer.example"
CONVERSATION = "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S"
REPLY = {
    "conversation_id": CONVERSATION,
    "message_id": "MSG_2",
    "reply": "Which Friday do you mean?",
    "agent": "booking",
    "tool_calls": [],
    "confirmation": None,
    "citations": [],
    "model": {"name": "usher-base", "version": "1", "variant": "stable"},
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
VIEW = {
    "conversation_id": CONVERSATION,
    "customer_id": "ada",
    "status": "open",
    "started_at": "2026-11-20T10:00:00Z",
    "messages": [
        {"message_id": "MSG_1", "role": "user", "text": "hello", "at": "2026-11-20T10:00:00Z"},
        {"message_id": "MSG_2", "role": "assistant", "text": "hello", "at": "2026-11-20T10:00:01Z"},
    ],
    "confirmation": None,
    "order_ids": [],
}
SEAT = {"id": "A-5-12", "price": 120.0, "section": "A", "row": "5", "number": "12", "accessible": False}
ORDER = {
    "order_id": "ORD_1",
    "status": "confirmed",
    "event_id": "EVT_1",
    "event_name": "Hamilton",
    "starts_at": "2026-11-20T19:30:00-05:00",
    "seats": [SEAT],
    "total": 132.0,
    "currency": "USD",
    "history": [{"at": "2026-11-01T10:00:00Z", "change": "purchased", "amount": 132.0}],
}


@dataclass
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    query: dict[str, str]
    body: Any


Handler = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


@dataclass
class FakeService:
    """Answers by (method, path prefix), remembers every call, checks who calls."""

    name: str
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    url: str = ""

    def on(self, method: str, prefix: str, answer: Any) -> None:
        """`answer`: a JSON value, (status, JSON value) or a handler."""
        self.answers[method, prefix] = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/health":
            return web.json_response({"status": "ok"})
        token = request.headers["Authorization"].removeprefix("Bearer ")
        assert await LocalTokenVerifier(SECRET).verify(token, self.name) == "gateway"
        raw = await request.read()
        call = Call(request.method, request.path, request.headers, dict(request.query), None)
        call.body = json.loads(raw) if raw else None
        self.calls.append(call)
        matching = [key for key in self.answers if key[0] == request.method and request.path.startswith(key[1])]
        if not matching:
            return problem(404, "not_found", "no such thing")
        answer = self.answers[max(matching, key=lambda key: len(key[1]))]
        if callable(answer):
            response: web.StreamResponse = await answer(request, call)
            return response
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return web.Response(status=status) if body is None else web.json_response(body, status=status)


def problem(status: int, code: str, detail: str, **extra: Any) -> web.Response:
    body = {"type": f"urn:usher:problem:{code}", "title": code, "status": status, "detail": detail, "code": code}
    return web.json_response({**body, **extra}, status=status, content_type="application/problem+json")


def agent_answers(agent: FakeService) -> None:
    agent.on("POST", "/turns", REPLY)
    agent.on("POST", "/confirmations/", REPLY)
    agent.on("GET", "/conversations/", VIEW)
    agent.on("POST", "/conversations/", {"conversation_id": CONVERSATION, "status": "ended"})
    agent.on("DELETE", "/conversations/", {"conversation_id": CONVERSATION, "status": "erased"})


async def _order(request: web.Request, _: Call) -> web.StreamResponse:
    if request.path.count("/") > 2:  # its receipt or tickets: what a test wants of them, it says
        return problem(404, "order_not_found", "there is no such order")
    return web.json_response(ORDER)


def tools_answers(tools: FakeService) -> None:
    tools.on("GET", "/orders", {"orders": [ORDER], "next_cursor": None})
    tools.on("GET", "/orders/", _order)
    tools.on("GET", "/events", {"events": []})
    tools.on("GET", "/events/", (404, {"detail": "no such event", "code": "not_found"}))


class RecordingBus:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.arrived = asyncio.Event()

    async def publish(self, events: Any) -> None:
        self.events += events
        self.arrived.set()

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def serving(service: FakeService) -> AsyncIterator[FakeService]:
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    """The app over real HTTP; yields its URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    started = asyncio.Event()
    original = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await original(sockets=sockets)
        started.set()

    server.startup = startup  # type: ignore[method-assign]  # to learn of the start without polling
    task = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert started.is_set(), "the gateway did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@dataclass
class Gateway:
    """A running gateway and all that a test touches of it."""

    url: str
    app: FastAPI
    store: SqliteDocumentStore
    clock: ManualClock
    bus: RecordingBus
    agent: FakeService
    tools: FakeService
    webhooks: FakeService
    logger: FakeService
    session: aiohttp.ClientSession
    home: Path

    async def key(self, *scopes: str, **options: Any) -> dict[str, str]:
        """Headers with a fresh key of these scopes (chat and orders by default)."""
        options = {"requests_per_minute": 10_000, "client_id": "shop", **options}
        made = await create_key(self.store, self.clock, name="test", scopes=scopes or ("chat", "orders"), **options)
        return {"X-API-Key": made.secret}

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """(status, headers, decoded body)."""
        async with self.session.request(method, self.url + path, **options) as response:
            text = await response.text()
            body = json.loads(text) if "json" in response.headers.get("Content-Type", "") else text
            return response.status, response.headers, body


Start = Callable[..., Any]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """`async with start(**settings) as gateway`."""

    @asynccontextmanager
    async def begin(*, reachable: bool = True, **values: Any) -> AsyncIterator[Gateway]:
        services = [FakeService(name) for name in ("agent", "tools", "webhooks", "logger")]
        agent, tools, webhooks, logger = services
        agent_answers(agent)
        tools_answers(tools)
        jwks = tmp_path / "jwks.json"
        settings = Settings(issuer=ISSUER, jwks_file=jwks, **values)
        async with (
            serving(agent),
            serving(tools),
            serving(webhooks),
            serving(logger),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            if not reachable:
                unused = socket.socket()
                unused.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
                agent.url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            clock = ManualClock(datetime(2026, 11, 20, 12, tzinfo=UTC))
            store = SqliteDocumentStore(tmp_path / "gateway.db")
            bus = RecordingBus()
            tokens = LocalTokenSource("gateway", SECRET)
            clients = [ServiceClient(s.name, s.url, tokens, timeout_seconds=5) for s in services]
            app = create_app(
                settings,
                Deps(
                    store,
                    bus,
                    *clients,
                    key_set=FileKeySet(jwks),
                    shared_counter=WindowCounter(settings.limit_storage, timeout_seconds=settings.redis_seconds),
                    local_counter=WindowCounter("memory://"),
                    answer_cache=answer_cache(settings.cache_storage, timeout_seconds=settings.redis_seconds),
                    verifier=LocalTokenVerifier(SECRET),
                    clock=clock,
                    ids=UlidGenerator(),
                ),
            )
            async with running(app) as url:
                yield Gateway(url, app, store, clock, bus, *services, session=session, home=tmp_path)

    return begin


@pytest.fixture
async def gateway(start: Start) -> AsyncIterator[Gateway]:
    async with start() as running_gateway:
        yield running_gateway

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from usher_shared.clock import Clock, SystemClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events import Event
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_webhooks.adapters.http import HttpSender
from usher_webhooks.app import Deps, create_app
from usher_webhooks.destinations import DestinationPolicy
from usher_webhooks.settings import Settings

SECRET = "s" * 48
PATIENCE_SECONDS = 20.0
Responder = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _purchase(id: str = "EVT_1", **change: Any) -> Event:
    return Event(
        id=id,
        type="usher.ticket_purchased.v1",
        source="usher/tools",
        time=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        subject="ORD_1",
        data={
            "order_id": "ORD_1",
            "customer_id": "CUS_1",
            "event_id": "EV_1",
            "event_name": "Größenwahn 🎟️",
            "starts_at": "2026-12-01T20:00:00Z",
            "currency": "USD",
            "total_minor": 24000,
            "seats": [],
            "quantity": 2,
            "payment_id": "PAY_1",
        }
        | change,
    )


@pytest.fixture
def purchase() -> Callable[..., Event]:
    """`purchase(id, **changed data)`."""
    return _purchase


class FixedResolver(AbstractResolver):
    """Answers with these addresses in turn, then for ever with the last."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        family = socket.AF_INET6 if ":" in answer else socket.AF_INET
        return [ResolveResult(hostname=host, host=answer, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
def fixed_resolver() -> type[FixedResolver]:
    return FixedResolver


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes
    path: str


@dataclass
class Endpoint:
    """A real HTTP server that records what it gets; `respond` may be replaced."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    arrivals: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)
    respond: Responder | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        got = Received({k.lower(): v for k, v in request.headers.items()}, await request.read(), request.path)
        self.received.append(got)
        self.arrivals.put_nowait(got)
        return web.Response(status=204) if self.respond is None else await self.respond(request)

    async def next(self) -> Received:
        return await asyncio.wait_for(self.arrivals.get(), PATIENCE_SECONDS)

    def answer(self, *statuses: int, headers: dict[str, str] | None = None) -> None:
        """Answer with these statuses in turn, then for ever with the last."""
        left = list(statuses)

        async def respond(_: web.Request) -> web.Response:
            return web.Response(status=left.pop(0) if len(left) > 1 else left[0], headers=headers)

        self.respond = respond


class SilentBus:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: asyncio.Queue[Event] = asyncio.Queue()

    async def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            self.published.put_nowait(event)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def silent_bus() -> SilentBus:
    return SilentBus()


class Service:
    """The running webhooks service, seen through its HTTP interface."""

    def __init__(self, client: httpx2.AsyncClient, gateway: str, bus: str) -> None:
        self.client = client
        self._gateway = gateway
        self._bus = bus

    async def call(self, method: str, path: str, *, owner: str = "venue", **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._gateway}", "Usher-Client": owner}
        return await self.client.request(method, path, headers=headers, **more)

    async def register(self, url: str, *, owner: str = "venue", **more: Any) -> dict[str, Any]:
        answer = await self.call("POST", "/webhooks/register", owner=owner, json={"url": url} | more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def push(self, body: Event | bytes) -> httpx2.Response:
        data = body.to_json() if isinstance(body, Event) else body
        envelope = {
            "message": {"data": base64.b64encode(data).decode(), "messageId": "1"},
            "subscription": "webhooks-x",
        }
        return await self.client.post("/push", json=envelope, headers={"Authorization": f"Bearer {self._bus}"})

    async def deliveries(self, webhook_id: str) -> list[dict[str, Any]]:
        return (await self.call("GET", f"/webhooks/{webhook_id}/deliveries")).json()["deliveries"]

    async def until(self, webhook_id: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The deliveries, once they are as wanted (the newest first)."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                deliveries = await self.deliveries(webhook_id)
                if wanted(deliveries):
                    return deliveries
                await asyncio.sleep(0.01)

    async def settled(self, webhook_id: str, *statuses: str) -> list[dict[str, Any]]:
        """The deliveries, once their statuses are these (the newest first)."""
        return await self.until(webhook_id, lambda found: [d["status"] for d in found] == list(statuses))

    async def attempted(self, webhook_id: str) -> list[dict[str, Any]]:
        """The deliveries, once each was attempted."""
        return await self.until(webhook_id, lambda found: bool(found) and all(d["attempts"] for d in found))


@pytest.fixture
async def endpoints() -> AsyncIterator[Callable[[], Awaitable[Endpoint]]]:
    """Starts endpoints on free ports."""
    async with AsyncExitStack() as stack:

        async def start() -> Endpoint:
            endpoint = Endpoint()
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", endpoint.handle)
            server = TestServer(app, host="127.0.0.1")
            await server.start_server()
            stack.push_async_callback(server.close)
            endpoint.url = str(server.make_url("/hook"))
            return endpoint

        yield start


@pytest.fixture
async def endpoint(endpoints: Callable[[], Awaitable[Endpoint]]) -> Endpoint:
    return await endpoints()


@pytest.fixture
def open_service(tmp_path: Path) -> Callable[..., Any]:
    """`async with open_service(**settings) as service`; a second one continues with the first one's data."""

    @asynccontextmanager
    async def start(
        *,
        clock: Clock | None = None,
        bus: Any = None,
        resolver: Any = None,
        policy: DestinationPolicy | None = None,
        **settings: Any,
    ) -> AsyncIterator[Service]:
        given = Settings(
            **{
                "allow_private_networks": True,
                "retry_seconds": (0.02, 0.02),
                "timeout_seconds": 10,
                "stop_seconds": 0,
                "sweep_seconds": 0.5,
            }
            | settings
        )
        sender = HttpSender(
            policy or DestinationPolicy(given.allow_private_networks),
            timeout_seconds=given.timeout_seconds,
            max_response_bytes=given.max_response_bytes,
            resolver=resolver,
        )
        deps = Deps(
            store=SqliteDocumentStore(tmp_path / "webhooks.db"),
            bus=bus or SilentBus(),
            sender=sender,
            destinations=sender,
            clock=clock or SystemClock(),
            ids=UlidGenerator(),
            verifier=LocalTokenVerifier(SECRET),
        )
        app = create_app(given, deps)
        gateway = await LocalTokenSource("gateway", SECRET).token("webhooks")
        bus_token = await LocalTokenSource("bus", SECRET).token("webhooks")
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://webhooks") as client:
                yield Service(client, gateway, bus_token)

    return start


@pytest.fixture
async def service(open_service: Callable[..., Any]) -> AsyncIterator[Service]:
    async with open_service() as service:
        yield service


@pytest.fixture
def service_secret() -> str:
    return SECRET


@pytest.fixture
def remote_service() -> Callable[[int, str, str], Any]:
    """The service of another process, on that port."""

    @asynccontextmanager
    async def connect(port: int, gateway: str, bus: str) -> AsyncIterator[Service]:
        transport = httpx2.AsyncHTTPTransport(retries=100)
        async with httpx2.AsyncClient(
            transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS
        ) as client:
            yield Service(client, gateway, bus)

    return connect

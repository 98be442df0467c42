from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.app import Deps, create_app
from usher_logger.settings import Settings
from usher_shared.clock import ManualClock
from usher_shared.events import Event
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

SECRET = "s" * 48
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MakeEvent = Callable[..., Event]
Push = Callable[..., Awaitable[httpx2.Response]]


def _order(**change: Any) -> dict[str, Any]:
    return {
        "order_id": "ORD_1",
        "customer_id": "CUS_1",
        "event_id": "EVT_1",
        "event_name": "The Winter Tour",
        "starts_at": "2026-12-01T20:00:00Z",
        "currency": "USD",
        "total_minor": 24000,
        "seats": [{"id": "A-5-12", "section": "A", "row": "5", "price_minor": 12000}] * 2,
    } | change


_DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "ticket_purchased": lambda: _order(quantity=2, payment_id="PAY_1", conversation_id="CNV_1"),
    "ticket_upgraded": lambda: _order(total_minor=30000, price_delta_minor=6000, previous_seats=[]),
    "ticket_refunded": lambda: _order(
        total_minor=0, seats=[], refunded_minor=30000, refunded_seat_ids=["A-5-12"], refund_id="REF_1"
    ),
    "conversation_completed": lambda: {
        "conversation_id": "CNV_1",
        "customer_id": "CUS_1",
        "started_at": "2026-11-20T11:00:00Z",
        "ended_at": "2026-11-20T11:02:00Z",
        "reason": "ended",
        "outcome": "purchased",
        "success": True,
        "turns": 3,
    },
    "chat_turn_completed": lambda: {
        "conversation_id": "CNV_1",
        "message_id": "MSG_1",
        "customer_id": "CUS_1",
        "turn": 1,
        "agent": "tickets",
        "status": "ok",
        "duration_ms": 12.5,
    },
    "error_occurred": lambda: {"service": "tools", "code": "boom", "detail": "it broke", "conversation_id": "CNV_1"},
    "feedback_received": lambda: {
        "conversation_id": "CNV_1",
        "message_id": "MSG_1",
        "customer_id": "CUS_1",
        "rating": 1,
    },
}


@pytest.fixture
def service_secret() -> str:
    return SECRET


@pytest.fixture
def make_event() -> MakeEvent:
    """`make_event(name, id, minutes_ago=…, **changed data)`."""

    def make(name: str, id: str, *, minutes_ago: float = 10, **change: Any) -> Event:
        return Event(
            id=id,
            type=f"usher.{name}.v1",
            source="usher/tests",
            time=NOW - timedelta(minutes=minutes_ago),
            data=_DATA[name]() | change,
        )

    return make


@pytest.fixture
async def client(tmp_path: Any) -> AsyncIterator[httpx2.AsyncClient]:
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    app = create_app(Settings(), Deps(warehouse, ManualClock(NOW), LocalTokenVerifier(SECRET)))
    token = await LocalTokenSource("cli", SECRET).token("logger")
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://logger", headers=headers) as client:
            yield client


@pytest.fixture
async def push(client: httpx2.AsyncClient) -> Push:
    """Pushes events (or raw bytes) at once, as the bus does; the answers in order, or the only one."""
    token = await LocalTokenSource("bus", SECRET).token("logger")

    async def push_one(body: Event | bytes) -> httpx2.Response:
        data = body.to_json() if isinstance(body, Event) else body
        envelope = {"message": {"data": base64.b64encode(data).decode(), "messageId": "1"}, "subscription": "logger-x"}
        return await client.post("/push", json=envelope, headers={"Authorization": f"Bearer {token}"})

    async def push_all(*bodies: Event | bytes) -> list[httpx2.Response]:
        return list(await asyncio.gather(*map(push_one, bodies)))

    return push_all

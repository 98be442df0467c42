"""A box office over HTTP on SQLite documents in a temporary folder, with a clock that tests move."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from usher_shared.clock import Clock, ManualClock
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events import Event
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.office import Office
from usher_tools.partner.ports import Partner
from usher_tools.settings import Settings

SECRET = "a-secret-of-the-tests-that-is-long-enough"
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


class ListBus:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def publish(self, events: Sequence[Event]) -> None:
        self.events += events

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None


def small_catalogue() -> dict[str, Any]:
    """One hall in Chicago: A (4 rows of 10, front row with wheelchair seats 1 and 2), B (2 rows of 8), C (1 of 5)."""
    return {
        "venues": [
            {
                "id": "hall",
                "name": "Union Hall",
                "city": "Chicago",
                "address": "1 Main Street",
                "time_zone": "America/Chicago",
                "facts": {"parking": "Lot 7, $20", "bags": "No backpacks"},
                "sections": [
                    {
                        "id": "A",
                        "name": "Floor",
                        "rows": [
                            {"names": ["1"], "seats": 10, "accessible": [1, 2]},
                            {"from": "2", "to": "4", "seats": 10},
                        ],
                    },
                    {"id": "B", "name": "Balcony Left", "rows": [{"from": "A", "to": "B", "seats": 8}]},
                    {"id": "C", "name": "Box Seats", "rows": [{"names": ["X"], "seats": 5}]},
                ],
            }
        ],
        "events": [
            {
                "id": "tonight",
                "name": "Chicago Comets vs. Harbor Gulls",
                "category": "sports",
                "performers": ["Chicago Comets", "Harbor Gulls"],
                "venue": "hall",
                "starts_at": "2026-11-20T19:30",
                "currency": "USD",
                "prices": {"A": 120, "B": 60.5, "C": 80},
                "fees": {"per_ticket": 2.5, "percent": 10},
                "policies": {
                    "refund": {"until_hours_before": 2, "fee_percent": 10},
                    "upgrade": {"until_hours_before": 1},
                },
            },
            {
                "id": "next-week",
                "name": "Neon Harbor",
                "category": "concert",
                "performers": ["Neon Harbor"],
                "venue": "hall",
                "starts_at": "2026-11-27T20:00",
                "currency": "USD",
                "prices": {"A": 100, "B": 50},
            },
        ],
    }


@dataclass(kw_only=True)
class Agent:
    """What a test drives as the agent service would: `tool` as the agent, `raw` for anything."""

    http: Any
    clock: Clock
    confirmation_ids: Any = field(default_factory=lambda: itertools.count(1))

    async def raw(
        self, method: str, path: str, *, caller: str = "agent", customer: str | None = None, **more: Any
    ) -> httpx2.Response:
        token = await LocalTokenSource(caller, SECRET).token("tools")
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        if customer is not None:
            headers["Usher-Customer"] = customer
        return await self.http.request(method, path, headers=headers, **more)

    async def tool(
        self, name: str, arguments: dict[str, Any], customer: str | None = "ann", **headers: str
    ) -> httpx2.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.raw("POST", f"/tools/{name}", customer=customer, json=arguments, headers=named)

    async def ok(self, name: str, arguments: dict[str, Any], customer: str | None = "ann", **headers: str) -> Any:
        response = await self.tool(name, arguments, customer, **headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def hold(self, seat_ids: list[str], customer: str = "ann", event_id: str = "tonight", **more: Any) -> Any:
        return await self.ok("hold_tickets", {"event_id": event_id, "seat_ids": seat_ids, **more}, customer)

    async def quote(self, action: str, arguments: dict[str, Any], customer: str = "ann") -> Any:
        return await self.ok("quote", {"action": action, "arguments": arguments}, customer)

    def confirm(self, quote: dict[str, Any], customer: str = "ann", **changes: Any) -> Confirmation:
        """A yes to the quote, as the agent records it."""
        fields = {
            "id": f"CONF-{next(self.confirmation_ids)}",
            "quote_id": quote["quote_id"],
            "action": quote["action"],
            "fingerprint": fingerprint(quote["action"], quote["arguments"]),
            "total_minor": quote["total_minor"],
            "currency": quote["currency"],
            "customer_id": customer,
            "confirmed_at": self.clock.now(),
            "evidence": "message",
        }
        return Confirmation(**(fields | changes))

    async def act(
        self, quote: dict[str, Any], customer: str = "ann", *, yes: Confirmation | None = None
    ) -> httpx2.Response:
        """Carry out what was quoted, with the customer's yes."""
        yes = yes or self.confirm(quote, customer)
        headers = {CONFIRMATION_HEADER: yes.to_header(), "Idempotency-Key": yes.id}
        return await self.raw(
            "POST", f"/tools/{quote['action']}", customer=customer, json=quote["arguments"], headers=headers
        )

    async def buy(self, seat_ids: list[str], customer: str = "ann", *, event_id: str = "tonight") -> Any:
        response = await self.act(await self.purchase(seat_ids, customer, event_id=event_id), customer)
        assert response.status_code == 200, response.text
        return response.json()

    async def purchase(
        self, seat_ids: list[str], customer: str = "ann", *, token: str | None = None, event_id: str = "tonight"
    ) -> Any:
        """The quote for seats that were held for it."""
        hold = await self.hold(seat_ids, customer, event_id)
        wanted = {"hold_id": hold["hold_id"], "payment_method_token": token}
        return await self.quote("create_order", {k: v for k, v in wanted.items() if v}, customer)

    async def free(self, event_id: str = "tonight") -> dict[str, int]:
        info = await self.ok("get_event_info", {"event_id": event_id})
        return {section["section"]: section["available"] for section in info["sections"]}


@dataclass(kw_only=True)
class BoxOffice(Agent):
    """A box office in this process and its agent."""

    app: FastAPI
    clock: ManualClock
    bus: ListBus
    store: SqliteDocumentStore
    payments: Any

    @property
    def office(self) -> Office:
        office: Office = self.app.state.office
        return office

    async def published(self, type: str) -> list[Event]:
        """Each event once: the relay may publish one again."""
        await self.office.outbox.publish_pending()
        return list({event.id: event for event in self.bus.events if event.type == type}.values())


@contextlib.asynccontextmanager
async def open_files(
    folder: Path,
    *,
    clock: ManualClock | None = None,
    settings: Settings | None = None,
    wrap: Callable[[SandboxPayments], Any] = lambda payments: payments,
    catalogue: dict[str, Any] | None = None,
    partner: Partner | None = None,
) -> AsyncIterator[BoxOffice]:
    """A box office on the files of that folder, with the catalogue imported."""
    ids, bus, clock = UlidGenerator(), ListBus(), clock or ManualClock(NOW)
    # documents expire by the real clock, which is not that of these tests
    store = SqliteDocumentStore(folder / "tools.db", expiry_seconds=float("inf"))
    payments = wrap(SandboxPayments(SqliteDocumentStore(folder / "provider.db"), ids))
    deps = Deps(store, payments, bus, LocalTokenVerifier(SECRET), clock, ids, partner)
    app = create_app(settings or Settings(), deps)
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://t")
    async with app.router.lifespan_context(app), client as http:
        office = BoxOffice(app=app, http=http, clock=clock, bus=bus, store=store, payments=payments)
        response = await office.raw("POST", "/catalogue", caller="cli", json=catalogue or small_catalogue())
        assert response.status_code == 200, response.text
        yield office

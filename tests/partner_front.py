"""Our service in front of a venue's own system, for tests: both ends, and the ways in which answers are lost."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.responses import Response

from box_office import BoxOffice, open_files
from reference_partner import EVENT, Venue
from served import Served, free_port
from usher_shared.clock import ManualClock
from usher_tools.adapters.partner_http import HttpPartner
from usher_tools.partner.actions import reconcile_actions

KEY = secrets.token_hex(16)
Fault = Callable[[str], Awaitable[Response | None]]


class CutOff(Response):
    """The connection breaks in the middle of the answer."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"order_', "more_body": True})
        raise ConnectionAbortedError


class Front:
    """Our service in front of the venue's system."""

    def __init__(self, office: BoxOffice, venue: Venue, server: Served, partner: HttpPartner) -> None:
        self.office, self.venue, self.server, self.partner = office, venue, server, partner

    async def purchase(self, customer: str = "ann", count: int = 2) -> Any:
        found = await self.office.ok("check_inventory", {"event_id": EVENT, "quantity": count}, customer)
        hold = await self.office.hold([seat["id"] for seat in found["seats"]], customer, EVENT)
        return await self.office.quote("create_order", {"hold_id": hold["hold_id"]}, customer)

    async def read(self) -> Any:
        return await self.office.tool("get_event_info", {"event_id": EVENT})

    async def reconcile(self) -> int:
        """As the service does at intervals, when no call waits for the answer any more."""
        self.office.clock.advance(timedelta(seconds=21))
        return await reconcile_actions(self.office.office, self.partner)

    async def action(self, id: str = "CONF-1") -> Any:
        return await self.office.store.get("partner_actions", id)

    async def tickets(self) -> Any:
        """What an operator sees."""
        return (await self.office.raw("GET", "/support-tickets", caller="cli")).json()["tickets"]

    def keys(self, tool: str) -> list[str | None]:
        return [key for called, key in self.venue.calls if called == tool]


@contextlib.asynccontextmanager
async def front_of(
    venue: Venue,
    folder: Path,
    clock: ManualClock,
    *,
    try_seconds: float = 2.0,
    action_seconds: float | None = None,
    failures: int = 100,
    pause_seconds: float = 0.2,
    connections: int = 64,
) -> AsyncIterator[Front]:
    server = Served(lambda: venue.app, free_port(), lifespan=False)
    await server.start()
    partner = HttpPartner(
        server.url,
        SecretStr(KEY),
        try_seconds=try_seconds,
        call_seconds=try_seconds * 4,
        action_seconds=action_seconds or try_seconds * 4,
        failures=failures,
        pause_seconds=pause_seconds,
        connections=connections,
    )
    try:
        async with open_files(folder, clock=clock, partner=partner) as office:
            yield Front(office, venue, server, partner)
    finally:
        await server.stop()


def on(tool: str, *responses: Response) -> Fault:
    """A fault for the first calls of the tool, or for all where there is one response for ever."""
    left = list(responses)

    async def fault(called: str) -> Response | None:
        return left.pop(0) if called == tool and left else None

    return fault


def always(tool: str, response: Response) -> Fault:
    async def fault(called: str) -> Response | None:
        return response if called == tool else None

    return fault

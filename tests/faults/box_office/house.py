"""One box office with as many processes as a test wants, and a look into its documents."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from books import Books, read_books
from box_office import Agent, small_catalogue
from faults.box_office.processes import Here, Plan, Server, here
from faults.box_office.site import FileBus, SharedClock, Site
from usher_shared.documents import DocumentStore
from usher_shared.events import Event


@dataclass(frozen=True)
class Answer:
    """Of an HTTP request, as httpx shows it."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


class Doors:
    """Requests to several servers in turn."""

    def __init__(self, session: aiohttp.ClientSession, urls: Sequence[str]) -> None:
        self._session = session
        self._urls = itertools.cycle(urls)

    async def request(self, method: str, path: str, **more: Any) -> Answer:
        async with self._session.request(method, next(self._urls) + path, **more) as answer:
            return Answer(answer.status, await answer.text(), answer.headers)


def _ids() -> Any:
    """Numbers of confirmations that no other agent of the same box office gives."""
    mine = secrets.token_hex(4)
    return (f"{mine}-{number}" for number in itertools.count(1))


@dataclass
class House:
    """`plan` is how its processes are opened when a test says nothing else."""

    site: Site
    store: DocumentStore
    provider_store: DocumentStore
    clock: SharedClock
    session: aiohttp.ClientSession
    servers: list[Server] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return Plan(self.site)

    @property
    def bus(self) -> FileBus:
        return self.site.bus()

    def crowd(self, size: int) -> int:
        """So many, or as many as this store is asked to bear."""
        return max(2, round(size * self.site.crowd))

    async def open(self, catalogue: dict[str, Any] | None = None) -> None:
        """Put the events on sale."""
        async with self.here() as office:
            answer = await office.raw("POST", "/catalogue", caller="cli", json=catalogue or small_catalogue())
            assert answer.status_code == 200, answer.text

    @contextlib.asynccontextmanager
    async def here(self, plan: Plan | None = None) -> AsyncIterator[Here]:
        """The box office in this process: for what needs no other, and for controls."""
        async with here(plan or self.plan) as office:
            office.confirmation_ids = _ids()
            yield office

    async def served(self, *plans: Plan) -> Agent:
        """An agent of new processes, one a plan: by default as many as the site has."""
        started = [Server(plan) for plan in plans or [self.plan] * self.site.servers]
        self.servers += started
        urls = await asyncio.gather(*(server.ready() for server in started))
        return Agent(http=Doors(self.session, urls), clock=self.clock, confirmation_ids=_ids())

    async def published(self, type: str, *, repeated: bool = False) -> list[Event]:
        """Events of a type after everything left in the outbox was published; each once unless `repeated`."""
        async with self.here() as office:
            await office.recover()
        found = [event for event in self.bus.events() if event.type == f"usher.{type}.v1"]
        return found if repeated else list({event.id: event for event in found}.values())

    async def books(self, event_id: str = "tonight") -> Books:
        return await read_books(self.store, self.provider_store, self.clock.now(), event_id)

    async def close(self) -> None:
        for server in self.servers:
            server.kill()
        await self.session.close()
        await self.store.close()
        await self.provider_store.close()


@contextlib.asynccontextmanager
async def open_house(site: Site) -> AsyncIterator[House]:
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200))
    house = House(site, site.store(), site.provider_store(), site.clock(), session)
    try:
        yield house
    finally:
        await house.close()

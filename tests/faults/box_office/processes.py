"""Box offices in processes of their own: one that serves, one that does a single thing and may die of it.

Children are forked from a server that has everything imported already, so that each starts in a fraction of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from box_office import SECRET, Agent
from faults.box_office.site import FileBus, Site
from usher_shared.clock import Clock
from usher_shared.contracts.confirmations import Confirmation
from usher_shared.documents import DocumentStore
from usher_shared.http.tokens import LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.orders.payment import reconcile
from usher_tools.settings import Settings

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "pytest",
        "httpx2",
        "uvicorn",
        "usher_tools.app",
        "usher_tools.adapters.sandbox_payments",
        "usher_shared.documents.sqlite",
        "usher_shared.documents.firestore",
    ]
)
_START_SECONDS = 60.0
_DEED_SECONDS = 120.0


@dataclass(frozen=True)
class Ports:
    """What a test may put something in front of."""

    store: DocumentStore
    payments: Any
    bus: Any


Wrap = Callable[[Ports], Ports]


def as_they_are(ports: Ports) -> Ports:
    return ports


@dataclass(frozen=True)
class Plan:
    """How a process opens the box office; `wrap` is a function of a module (or a partial of one): it is pickled."""

    site: Site
    wrap: Wrap = as_they_are
    settings: dict[str, Any] = field(default_factory=dict)
    skew: timedelta = timedelta(0)

    def but(self, **changes: Any) -> Plan:
        return replace(self, **changes)

    def app(self) -> tuple[FastAPI, Ports, Clock]:
        ids, clock = UlidGenerator(), self.site.clock(skew=self.skew)
        bare = Ports(self.site.store(), SandboxPayments(self.site.provider_store(), ids), self.site.bus())
        ports = self.wrap(bare)
        # nothing happens in the background but what a test asks for
        settings = Settings(**{"reconcile_seconds": 3600, **self.settings})
        deps = Deps(ports.store, ports.payments, ports.bus, LocalTokenVerifier(SECRET), clock, ids)
        return create_app(settings, deps), bare, clock


@dataclass(kw_only=True)
class Here(Agent):
    """A box office in this process and its agent, without relay and reconciler running: `recover` does their work."""

    app: FastAPI
    ports: Ports

    async def recover(self) -> None:
        """What a process does at its start: finish payments, publish what was left."""
        office = self.app.state.office
        await reconcile(office)
        await office.outbox.publish_pending()

    @property
    def bus(self) -> FileBus:
        bus: FileBus = self.ports.bus
        return bus


@contextlib.asynccontextmanager
async def here(plan: Plan) -> AsyncIterator[Here]:
    app, ports, clock = plan.app()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://here") as http:
        try:
            yield Here(http=http, clock=clock, app=app, ports=ports)
        finally:
            await app.state.office.payments.close()
            await app.state.office.store.close()


def _serve(plan: Plan, told: Connection) -> None:
    async def run() -> None:
        app, _, _ = plan.app()
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.005)  # uvicorn has no event for it
        told.send(server.servers[0].sockets[0].getsockname()[1])
        await serving

    asyncio.run(run())


def _perform(plan: Plan, deed: Callable[[Here], Any]) -> None:
    async def run() -> None:
        async with here(plan) as office:
            await deed(office)

    asyncio.run(run())


class Server:
    """A process that serves the box office over HTTP until it is killed."""

    def __init__(self, plan: Plan) -> None:
        self._hears, self._tells = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=_serve, args=(plan, self._tells), daemon=True)
        self._process.start()
        self._tells.close()  # the child has a copy: its death is an end of file here

    async def ready(self) -> str:
        """Its address once it answers."""
        if not await asyncio.to_thread(self._hears.poll, _START_SECONDS):
            raise AssertionError("a box office did not start")
        try:
            return f"http://127.0.0.1:{self._hears.recv()}"
        except EOFError as error:
            raise AssertionError("a box office died while it started") from error

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._hears.close()


async def perform(plan: Plan, deed: Callable[[Here], Any]) -> bool:
    """Do one thing in a process of its own; whether it lived to the end. False: it was killed with SIGKILL."""
    process = _FORKS.Process(target=_perform, args=(plan, deed), daemon=True)
    process.start()
    await asyncio.to_thread(process.join, _DEED_SECONDS)
    if process.is_alive():
        process.kill()
        raise AssertionError("the process neither ended nor died")
    assert process.exitcode in (0, -signal.SIGKILL), f"the process ended with {process.exitcode}"
    return process.exitcode == 0


async def ask(office: Here, *, name: str, arguments: dict[str, Any], customer: str, headers: dict[str, str]) -> None:
    """One call of a tool."""
    await office.ok(name, arguments, customer, **headers)


async def carry_out(office: Here, *, quote: dict[str, Any], yes: Confirmation, customer: str) -> None:
    """What a process does for a customer's yes, to the end."""
    answer = await office.act(quote, customer, yes=yes)
    assert answer.status_code == 200, answer.text
    await office.app.state.office.outbox.publish_pending()


async def carry_on(office: Here) -> None:
    """What a process does of itself."""
    await office.recover()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

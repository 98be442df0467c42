"""The embedded bus with two subscribers, for the tests of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from contracts.bus.subscriber import PATIENCE_SECONDS, SECRET, Subscriber
from contracts.bus.suite import TOPOLOGY, DeadLetter
from served import Served, free_port
from usher_local.bus.app import Deps, create_app
from usher_local.bus.client import HttpEventBus
from usher_local.bus.settings import Settings
from usher_local.bus.store import (
    BusStore,
)
from usher_shared.clock import SystemClock
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

Lines = dict[str, dict[str, Any]]


def make_bus(path: Path, ports: dict[str, int], settings: Settings | None = None) -> FastAPI:
    deps = Deps(
        topology=TOPOLOGY,
        store=BusStore(path),
        url_of=lambda service: f"http://127.0.0.1:{ports[service]}",
        tokens=LocalTokenSource("bus", SECRET),
        verifier=LocalTokenVerifier(SECRET),
        clock=SystemClock(),
    )
    return create_app(settings or Settings(), deps)


def caller(name: str, url: str) -> ServiceClient:
    return ServiceClient("bus", url, LocalTokenSource(name, SECRET))


class EmbeddedBench:
    buries_invalid_at_once = True
    tells_why_buried = True
    in_flight = 16

    def __init__(self, folder: Path) -> None:
        self.logger = Subscriber("logger", free_port())
        self.webhooks = Subscriber("webhooks", free_port())
        self.path = folder / "bus.db"
        self.ports = {"logger": self.logger.server.port, "webhooks": self.webhooks.server.port}
        self.settings = Settings(window=100)
        self.server = Served(lambda: make_bus(self.path, self.ports, self.settings), free_port())
        self.bus = HttpEventBus(caller("tools", self.server.url))
        self.cli = caller("cli", self.server.url)

    async def start(self) -> None:
        await asyncio.gather(self.logger.server.start(), self.webhooks.server.start(), self.start_bus())

    async def close(self) -> None:
        await self.bus.close()
        await self.cli.close()
        await asyncio.gather(self.server.stop(), self.logger.server.stop(), self.webhooks.server.stop())

    async def start_bus(self) -> None:
        await self.server.start()

    async def stop_bus(self) -> None:
        await self.server.stop()

    async def dead_letters(self, at_least: int = 0) -> Sequence[DeadLetter]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self.cli.call("GET", "/dead-letters")
                if len(answer["dead_letters"]) >= at_least:
                    break
                await asyncio.sleep(0.01)
        return [
            DeadLetter(
                id=str(d["id"]),
                event_id=(d["message"]["event"] or {}).get("id"),
                topic=d["topic"],
                subscription=d["subscription"],
                attempts=d["attempts"],
                reason=d["reason"],
            )
            for d in answer["dead_letters"]
        ]

    async def redrive(self, dead_letter: DeadLetter) -> None:
        await self.cli.call("POST", f"/dead-letters/{dead_letter.id}:redrive")

    async def backlog(self) -> Lines:
        answer = await self.cli.call("GET", "/backlog")
        return {line["subscription"]: line for line in answer["subscriptions"]}

    async def until_idle(self) -> None:
        await self.until_backlog(lambda lines: not any(line["pending"] or line["in_flight"] for line in lines.values()))

    async def until_backlog(self, condition: Callable[[Lines], bool]) -> Lines:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:  # the bus tells its backlog when asked, it does not announce it
                lines = await self.backlog()
                if condition(lines):
                    return lines
                await asyncio.sleep(0.01)

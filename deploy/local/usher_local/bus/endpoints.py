"""The bus over HTTP: publishing as in Pub/Sub's REST API, and what operators ask."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from usher_local.bus.model import (
    Backlog,
    Chaos,
    DeadLetterList,
    PublishedEvents,
    PublishRequest,
    PublishResponse,
    Redriven,
)
from usher_local.bus.service import Bus
from usher_shared.http.app import require_caller

PUBLISHERS = ("gateway", "agent", "inference", "tools", "logger", "webhooks", "trainer-job", "cli")
MAX_WAIT_SECONDS = 30.0

publishing = APIRouter(tags=["publish"], dependencies=[Depends(require_caller(*PUBLISHERS))])
operating = APIRouter(tags=["operate"], dependencies=[Depends(require_caller("cli"))])


def _bus(request: Request) -> Bus:
    bus: Bus = request.app.state.bus
    return bus


BusOf = Annotated[Bus, Depends(_bus)]
_LARGEST = 2**63 - 1  # SQLite's integers


@publishing.post("/v1/projects/local/topics/{topic}:publish")
async def publish(topic: str, body: PublishRequest, bus: BusOf) -> PublishResponse:
    """Take messages; the answer comes once they are on disk."""
    return PublishResponse(messageIds=await bus.publish(topic, body.messages))


@operating.get("/events")
async def read_events(
    bus: BusOf,
    after: Annotated[int | None, Query(ge=0, le=_LARGEST)] = None,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_SECONDS, description="seconds")] = 0.0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> PublishedEvents:
    """What was published after a sequence number; without one, from now on. Waits for the first."""
    return await bus.events_after(after, wait, limit)


@operating.get("/backlog")
async def read_backlog(bus: BusOf) -> Backlog:
    """What each subscription has not acknowledged yet."""
    return bus.backlog()


@operating.get("/dead-letters")
async def read_dead_letters(
    bus: BusOf,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> DeadLetterList:
    """Messages that subscriptions gave up, oldest first."""
    return bus.dead_letters(after, limit)


@operating.post("/dead-letters/{id}:redrive")
async def redrive(id: Annotated[int, Path(ge=0, le=_LARGEST)], bus: BusOf) -> Redriven:
    """Deliver a dead letter once more; asking twice delivers once."""
    return await bus.redrive(id)


@operating.get("/chaos")
async def read_chaos(bus: BusOf) -> Chaos:
    return bus.chaos()


@operating.put("/chaos")
async def set_chaos(body: Chaos, bus: BusOf) -> Chaos:
    """Be rude on purpose, from the next message on."""
    bus.set_chaos(body)
    return bus.chaos()

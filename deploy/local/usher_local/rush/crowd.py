"""The honest customers: buyers who want one seat of the club, parties who want to sit together in the hall."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from usher_local.rush.desk import Desk
from usher_local.rush.plan import CLUB, HALL, SECTION, Party, Plan

_SHORT_SECONDS, _LONG_SECONDS = 0.05, 6.0


@dataclass(slots=True)
class Visit:
    """One customer's morning, in seconds from the start of the rush; `order` is the answer that sold."""

    customer: str
    wanted: int
    arrived: float
    left: float = 0.0
    order: dict[str, Any] | None = None
    party: Party | None = None
    shown: dict[str, Any] | None = None

    @property
    def waited(self) -> float:
        return self.left - self.arrived


@dataclass(slots=True)
class Morning:
    """What the crowd shares: the desk, the clock, how many seats of the club are gone."""

    plan: Plan
    desk: Desk
    start: float = field(default_factory=time.perf_counter)
    sold: int = 0
    sold_out: asyncio.Event = field(default_factory=asyncio.Event)
    visits: list[Visit] = field(default_factory=list)

    def now(self) -> float:
        return time.perf_counter() - self.start

    def sell(self, seats: int) -> None:
        self.sold += seats
        if self.sold >= self.plan.seats:
            self.sold_out.set()


async def _pause(morning: Morning, seconds: float) -> None:
    """Wait, but no longer than until the club is sold out."""
    try:
        async with asyncio.timeout(seconds):
            await morning.sold_out.wait()
    except TimeoutError:
        return


async def buyer(morning: Morning, customer: str, comes_at: float) -> Visit:
    """Look, hold, quote, confirm, buy; after a polite no look again, ever less often, until the club is sold out."""
    await asyncio.sleep(max(comes_at - morning.now(), 0))
    visit = Visit(customer, 1, morning.now())
    morning.visits.append(visit)
    chance, pause = morning.plan.chance(customer), _SHORT_SECONDS
    while visit.waited < morning.plan.patience_seconds:
        looked_last = morning.sold_out.is_set()  # before the look: it then says the final word
        seats, found = await _try(morning.desk, visit, CLUB, {"quantity": 1})
        if found is not None:
            visit.order = found
            morning.sell(len(found["seats"]))
            break
        if looked_last:
            break
        visit.left = morning.now()
        # someone was faster: try at once; nothing is free: wait for what others let go
        pause = _SHORT_SECONDS if seats else min(pause * 2, _LONG_SECONDS)
        await _pause(morning, pause * chance.uniform(0.5, 1.5))
    visit.left = morning.now()
    return visit


async def party(morning: Morning, group: Party) -> Visit:
    """Look for adjacent seats in the hall's section, hold all of them, buy; look again when others were faster."""
    visit = Visit(group.customer, group.size, morning.now(), party=group)
    morning.visits.append(visit)
    chance = morning.plan.chance(group.customer)
    wanted = {"quantity": group.size, "section": SECTION, "accessible": group.accessible}
    while visit.waited < morning.plan.patience_seconds:
        _, visit.order = await _try(morning.desk, visit, HALL, wanted)
        visit.left = morning.now()
        if visit.order is not None:
            break
        await asyncio.sleep(_SHORT_SECONDS * chance.uniform(0.5, 1.5))
    return visit


async def _try(
    desk: Desk, visit: Visit, event_id: str, wanted: dict[str, Any]
) -> tuple[list[str], dict[str, Any] | None]:
    """One attempt: the seats that were offered, and the order if it came to one."""
    shown = await desk.tool("check_inventory", {"event_id": event_id, **wanted}, visit.customer)
    seats = [seat["id"] for seat in shown.body.get("seats", [])] if shown.ok else []
    if len(seats) < visit.wanted:
        return [], None
    visit.shown = shown.body
    held = await desk.tool("hold_tickets", {"event_id": event_id, "seat_ids": seats}, visit.customer)
    if not held.ok:
        return seats, None
    bought = await desk.buy(held.body["hold_id"], visit.customer)
    return seats, bought.body if bought.ok else None

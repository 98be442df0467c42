"""Attackers: customers who never buy, and try to keep seats from those who would.

Each refreshes its holds all the while, by turns: hold what is offered, hold the same seats again while they are
held, let go and hold again at once, alternate between two sets, under further customer ids, past every cap.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from usher_local.rush.crowd import Morning
from usher_local.rush.desk import Desk
from usher_local.rush.plan import CLUB, HALL, SECTION

IDS = 4  # customer ids of one attacker
_LONGEST_HOLD_SECONDS = 900
_PAUSE_SECONDS = 0.1
_LEAST_TRICKS = 30  # however slow the machine is


class Attacker:
    """Use `run`; it lets go of everything at the end, so that what the caps did not free can be sold."""

    def __init__(self, morning: Morning, number: int) -> None:
        self._morning = morning
        self._desk: Desk = morning.desk
        self._chance: random.Random = morning.plan.chance(f"attacker-{number}")
        self._ids = [f"attacker-{number}-{n}" for n in range(IDS)]
        self._seats: dict[str, list[tuple[str, list[str]]]] = {id: [] for id in self._ids}
        self._holds: dict[str, list[str]] = {id: [] for id in self._ids}
        self.refused: Counter[str] = Counter()

    async def run(self) -> None:
        tricks = (self._grab, self._again, self._let_go_and_again, self._alternate, self._too_many_seats)
        for customer in self._ids[:1]:
            await self._grab(customer)
        tried = 0
        while self._morning.now() < self._morning.plan.attack_seconds or tried < _LEAST_TRICKS:
            tried += 1
            customer = self._chance.choice(self._ids)
            await self._chance.choice(tricks)(customer)
            await asyncio.sleep(_PAUSE_SECONDS * self._chance.uniform(0.5, 1.5))
        for customer in self._ids:
            while self._holds[customer]:
                await self._release(customer)

    async def _hold(self, customer: str, event_id: str, seats: list[str]) -> None:
        arguments = {"event_id": event_id, "seat_ids": seats, "expires_in_seconds": _LONGEST_HOLD_SECONDS}
        held = await self._desk.tool("hold_tickets", arguments, customer)
        if held.ok:
            self._holds[customer].append(held.body["hold_id"])
        else:
            self.refused[held.code] += 1

    async def _release(self, customer: str) -> None:
        await self._desk.tool("release_hold", {"hold_id": self._holds[customer].pop(0)}, customer)

    async def _grab(self, customer: str) -> None:
        """What is offered, in the club or in the hall."""
        wanted = self._chance.choice(
            ({"event_id": CLUB, "quantity": 2}, {"event_id": HALL, "quantity": 6, "section": SECTION})
        )
        shown = await self._desk.tool("check_inventory", wanted, customer)
        seats = [seat["id"] for seat in shown.body.get("seats", [])] if shown.ok else []
        if seats:
            self._seats[customer].append((str(wanted["event_id"]), seats))
            await self._hold(customer, *self._seats[customer][-1])

    async def _again(self, customer: str) -> None:
        """The seats that it holds, once more."""
        if self._seats[customer]:
            await self._hold(customer, *self._chance.choice(self._seats[customer]))

    async def _let_go_and_again(self, customer: str) -> None:
        if self._holds[customer]:
            await self._release(customer)
            await self._again(customer)

    async def _alternate(self, customer: str) -> None:
        """The seats of another of its ids: a hold handed over without a gap."""
        other = self._chance.choice(self._ids)
        if self._seats[other] and self._holds[other]:
            await self._release(other)
            await self._hold(customer, *self._seats[other][-1])

    async def _too_many_seats(self, customer: str) -> None:
        row = self._chance.randint(1, 10)
        count = self._morning.plan.max_seats_per_hold + 1
        await self._hold(customer, HALL, [f"{SECTION}-{row}-{n}" for n in range(1, count + 1)])

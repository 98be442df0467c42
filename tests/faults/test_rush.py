"""A small rush holds every invariant; against a box office without its protections it counts what breaks."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from served import Served, free_port
from usher_local.rush.desk import Desk
from usher_local.rush.plan import Plan
from usher_local.rush.processes import running_box_office
from usher_local.rush.report import last_line
from usher_local.rush.rush import Result, import_plan, run_rush
from usher_local.rush.seating import find_orphans, sits_together
from usher_local.rush.sweep import CAP_RULES
from usher_shared.clock import SystemClock
from usher_shared.documents import DocumentStore, Page, Query, Transaction
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.events import Event
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.settings import Settings

T = TypeVar("T")
SECRET = "a-secret-of-the-tests-that-is-long-enough"
SMALL = Plan(buyers=60, seats=12, parties=12, section_seats=400, attackers=4, attack_seconds=2.0, arrival_seconds=0.3)


class UnprotectedStore(SqliteDocumentStore):
    """The same documents without isolation: others come between what a transaction reads and what it writes."""

    async def transaction(self, fn: Callable[[Transaction], Awaitable[T]]) -> T:
        tx = _Unisolated(self)
        result = await fn(tx)
        await asyncio.sleep(0)
        await super().transaction(tx.write)
        return result


class _Unisolated:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._writes: list[Callable[[Transaction], None]] = []

    async def get(self, collection: str, id: str) -> dict[str, Any] | None:
        await asyncio.sleep(0)
        return await self._store.get(collection, id)

    async def query(self, query: Query) -> Page:
        await asyncio.sleep(0)
        return await self._store.query(query)

    def create(self, collection: str, id: str, data: Mapping[str, Any]) -> None:
        self._writes.append(lambda tx: tx.create(collection, id, data))

    def set(self, collection: str, id: str, data: Mapping[str, Any]) -> None:
        self._writes.append(lambda tx: tx.set(collection, id, data))

    def delete(self, collection: str, id: str) -> None:
        self._writes.append(lambda tx: tx.delete(collection, id))

    async def write(self, tx: Transaction) -> None:
        for write in self._writes:
            write(tx)


class NoBus:
    async def publish(self, events: list[Event]) -> None:
        return None

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None


@contextlib.asynccontextmanager
async def box_office(folder: Path, store: type[SqliteDocumentStore], settings: Settings) -> AsyncIterator[str]:
    """One box office in this process; its URL."""

    def make_app() -> Any:
        ids = UlidGenerator()
        payments = SandboxPayments(SqliteDocumentStore(folder / "provider.db"), ids)
        verifier = LocalTokenVerifier(SECRET)
        deps = Deps(store(folder / "tools.db"), payments, NoBus(), verifier, SystemClock(), ids)  # type: ignore[arg-type]
        return create_app(settings, deps)

    served = Served(make_app, free_port())
    await served.start()
    try:
        yield served.url
    finally:
        await served.stop()


async def rush_at(folder: Path, plan: Plan, store: type[SqliteDocumentStore], settings: Settings) -> Result:
    agent, operator = LocalTokenSource("agent", SECRET), LocalTokenSource("cli", SECRET)
    async with box_office(folder, store, settings) as url, Desk([url], agent) as desk:
        await import_plan(plan, url, operator)
        stores = SqliteDocumentStore(folder / "tools.db"), SqliteDocumentStore(folder / "provider.db")
        try:
            return await run_rush(plan, desk, stores, lambda _: None, lambda: 0)
        finally:
            for opened in stores:
                await opened.close()


async def test_a_small_rush_on_two_processes_breaks_nothing(tmp_path: Path) -> None:
    async with running_box_office(tmp_path, 2, SMALL.settings()) as office:
        await import_plan(SMALL, office.urls[0], office.stack.tokens("cli"))
        async with Desk(office.urls, office.stack.tokens("agent")) as desk, office.stores() as stores:
            result = await run_rush(SMALL, desk, stores, lambda _: None, lambda: office.died)
    assert not result.found.violations, result.found.examples
    assert last_line(result).startswith("sold 12 of 12, oversold 0, server errors 0, ")
    assert result.seated == SMALL.parties
    assert result.attack["too_many_seats"], "the attackers met no resistance"
    assert result.charged_minor == result.due_minor > 0
    assert (result.fairness.winners.count, result.fairness.losers.count) == (12, 48)


async def test_without_isolation_the_rush_oversells_and_says_so(tmp_path: Path) -> None:
    result = await rush_at(tmp_path, replace(SMALL, attackers=0), UnprotectedStore, Settings())
    assert {"a seat in two orders", "seats of orders and of rows differ"} <= result.found.violations.keys()
    assert re.match(r"sold \d+ of 12, oversold [1-9]", last_line(result))


async def test_without_caps_the_rush_counts_holds_beyond_them(tmp_path: Path) -> None:
    capped = replace(SMALL, max_live_holds=1, max_held_seats=2, max_hold_seconds=0.5)
    lax = Settings(max_live_holds=50, max_seats_per_hold=50)
    result = await rush_at(tmp_path, capped, SqliteDocumentStore, lax)
    assert set(CAP_RULES) <= result.found.violations.keys()


def hold(customer: str, seats: list[int], at: int, *, sold: bool = True, until: int = 9) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "seat_ids": [f"S-1-{number}" for number in seats],
        "created_at": f"2026-11-21T00:00:0{at}Z",
        "expires_at": f"2026-11-21T00:00:0{until}Z",
        "status": "sold" if sold else "released",
    }


def test_a_single_is_laid_at_the_door_of_who_left_it() -> None:
    first, second = hold("ann", [10, 11], 1), hold("bob", [13, 14], 2)
    assert list(find_orphans(Plan(), [first, second])) == ["bob left S-1-12"]


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ("two free seats between", [hold("ann", [10, 11], 1), hold("bob", [14, 15], 2)]),
        (
            "somebody else had it then",
            [hold("ann", [12], 1, sold=False, until=5), hold("bob", [10, 11], 2), hold("cy", [13], 3)],
        ),
        ("it was sold after all", [hold("ann", [10, 11], 1), hold("bob", [13, 14], 2), hold("cy", [12], 3)]),
        ("a wheelchair place", [hold("ann", [3], 1), hold("bob", [1], 2)]),
        ("a companion's", [hold("ann", [4], 1), hold("bob", [6, 7], 2)]),
    ],
)
def test_no_single(what: str, holds: list[dict[str, Any]]) -> None:
    assert not list(find_orphans(Plan(), holds)), what


@pytest.mark.parametrize(
    ("seats", "together"),
    [(["S-1-4", "S-1-3", "S-1-5"], True), (["S-1-3", "S-1-5"], False), (["S-1-3", "S-2-4"], False)],
)
def test_side_by_side(seats: list[str], together: bool) -> None:
    assert sits_together(seats) is together

"""The process ends before or after each step of a sale, an upgrade, a refund: the books agree with the provider's.

A step is a transaction of the store or a call of the provider. After the end nothing of the old process runs on;
then the reconciler alone, or the customer's retry, has to bring the action to one end.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mortal import Killed, Life, mortal
from usher_shared.contracts.confirmations import Confirmation
from usher_shared.documents import Query
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import UsherError
from usher_tools.office import Office
from usher_tools.orders.payment import reconcile
from usher_tools.toolbox.service import ToolRequest, run_tool

_WINDOW_OVER = timedelta(seconds=301)
_LEASE_OVER = timedelta(seconds=9)


@dataclass
class Action:
    """A confirmed action of a customer."""

    quote: dict[str, Any]
    yes: Confirmation
    customer: str

    async def run(self, office: Office) -> Any:
        request = ToolRequest(
            self.quote["action"],
            self.quote["arguments"],
            "agent",
            customer_id=self.customer,
            idempotency_key=self.yes.id,
            confirmation=self.yes.to_header(),
        )
        return (await run_tool(request, office)).body


async def _action(office: Any, kind: str, number: int) -> Action:
    """Two balcony seats of a customer of their own: bought, moved to the floor, or given back."""
    customer = f"customer-{number}"
    if kind == "create_order":
        quote = await office.purchase(["B-A-1", "B-A-2"], customer)
    else:
        order = await office.buy(["B-A-1", "B-A-2"], customer)
        arguments = {"order_id": order["order_id"]}
        if kind == "upgrade_tickets":
            arguments["target_section"] = "A"
        else:
            arguments["reason"] = "ill"
        quote = await office.quote(kind, arguments, customer)
    return Action(quote, office.confirm(quote, customer), customer)


async def _books(office: Any, provider: SqliteDocumentStore, customer: str) -> tuple[int, int, list[str]]:
    """What the provider kept of the customer's money, what their orders are worth, and states that are no ends."""
    kept, unfinished = 0, []
    for document in (await provider.query(Query("sandbox_charges", limit=500))).documents:
        charge = document.data
        if charge["customer_id"] == customer:
            if charge["outcome"] == "captured":
                kept += charge["amount_minor"] - charge["refunded_minor"]
            elif charge["outcome"] == "authorised":
                unfinished.append(document.id)
    orders = (await office.ok("list_orders", {"customer_id": customer}, customer))["orders"]
    return kept, sum(round(order["total"] * 100) for order in orders), unfinished


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[SqliteDocumentStore]:
    """The provider's own books."""
    store = SqliteDocumentStore(tmp_path / "provider.db")
    yield store
    await store.close()


async def _points(office: Any, kind: str) -> int:
    """How many points the action lives through when nothing happens; it is taken back afterwards."""
    action, life = await _action(office, kind, 0), Life(None)
    await action.run(mortal(office.office, life))
    await _leave(office, "customer-0")
    return life.lived


async def _leave(office: Any, customer: str) -> None:
    """Give every ticket back, so that the next customer finds the house empty."""
    for order in (await office.ok("list_orders", {"customer_id": customer}, customer))["orders"]:
        if order["seats"]:
            quote = await office.quote("refund_order", {"order_id": order["order_id"]}, customer)
            assert (await office.act(quote, customer)).status_code == 200


async def _killed(office: Any, action: Action, points: int) -> None:
    with pytest.raises(Killed):
        await action.run(mortal(office.office, Life(points)))


async def _wholly_over(office: Any) -> None:
    for wait in (timedelta(0), _WINDOW_OVER):
        office.clock.advance(wait)
        await reconcile(office.office)
    assert await reconcile(office.office) == 0


@pytest.mark.parametrize("kind", ["create_order", "upgrade_tickets", "refund_order"])
async def test_the_reconciler_alone_ends_it(office: Any, provider: SqliteDocumentStore, kind: str) -> None:
    for points in range(await _points(office, kind)):
        action = await _action(office, kind, points + 1)
        await _killed(office, action, points)

        await _wholly_over(office)

        kept, worth, unfinished = await _books(office, provider, action.customer)
        assert (kept, unfinished) == (worth, []), f"killed after {points} points"
        await _leave(office, action.customer)
        assert await office.free() == {"A": 40, "B": 16, "C": 5}, f"killed after {points} points"


@pytest.mark.parametrize("kind", ["create_order", "upgrade_tickets", "refund_order"])
@pytest.mark.parametrize("reconciled", [False, True])
async def test_a_retry_in_time_carries_it_out_once(
    office: Any, provider: SqliteDocumentStore, kind: str, reconciled: bool
) -> None:
    for points in range(await _points(office, kind)):
        action = await _action(office, kind, points + 1)
        await _killed(office, action, points)
        if reconciled:
            await reconcile(office.office)
        office.clock.advance(_LEASE_OVER)

        first = await action.run(office.office)

        assert await action.run(office.office) == first
        kept, worth, unfinished = await _books(office, provider, action.customer)
        assert (kept, unfinished) == (worth, [])
        (order,) = (await office.ok("list_orders", {"customer_id": action.customer}, action.customer))["orders"]
        done = {"create_order": "confirmed", "upgrade_tickets": "upgraded", "refund_order": "refunded"}
        assert order["status"] == done[kind]
        types = {"create_order": "purchased", "upgrade_tickets": "upgraded", "refund_order": "refunded"}
        told = [event.subject for event in await office.published(f"usher.ticket_{types[kind]}.v1")]
        assert told.count(order["order_id"]) == 1
        await _leave(office, action.customer)


async def test_seats_that_others_bought_meanwhile_are_not_paid_for(office: Any, provider: SqliteDocumentStore) -> None:
    """The process is dead for longer than the payment's window; whoever came next has the seats."""
    lost = 0
    for points in range(await _points(office, "create_order")):
        action = await _action(office, "create_order", points + 1)
        await _killed(office, action, points)
        office.clock.advance(_WINDOW_OVER)
        order = (await office.ok("list_orders", {"customer_id": action.customer}, action.customer))["orders"]
        if not order:
            await office.buy(["B-A-1", "B-A-2"], "next")

        for turn in (office.office, None):
            if turn is not None:
                try:
                    await action.run(turn)
                except UsherError:
                    lost += 1
            await _wholly_over(office)

        kept, worth, unfinished = await _books(office, provider, action.customer)
        assert (kept, unfinished) == (worth, []), f"killed after {points} points"
        assert kept == 0 or order
        for customer in ("next", action.customer):
            await _leave(office, customer)
        assert (await office.free())["B"] == 16
    assert lost > 5


async def test_a_crash_in_the_midst_of_reconciling(office: Any, provider: SqliteDocumentStore) -> None:
    """Whatever point the sale and then the reconciler reach, the next reconciler ends it."""
    number = 0
    for points in range(6, await _points(office, "create_order")):
        for more in range(1, 8):
            number += 1
            action = await _action(office, "create_order", number)
            await _killed(office, action, points)
            with contextlib.suppress(Killed):
                await reconcile(mortal(office.office, Life(more)))

            await _wholly_over(office)

            kept, worth, unfinished = await _books(office, provider, action.customer)
            assert (kept, unfinished) == (worth, []), f"killed after {points} and {more} points"
            await _leave(office, action.customer)
            assert (await office.free())["B"] == 16

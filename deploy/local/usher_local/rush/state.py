"""What the stores say after a rush: every document that the sweep looks at, read once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from usher_shared.documents import DocumentStore, Filter, Query

_PAGE = 500
_SETTLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Captured:
    """Money that the provider took, minor units; `id` is what an order names it by."""

    id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class State:
    """`rows` {event: {seat id: its state}}; `tallied` {event: seats sold by the tallies}; `reserved` counts
    authorisations that were neither captured nor given up."""

    orders: list[dict[str, Any]]
    holds: list[dict[str, Any]]
    rows: dict[str, dict[str, dict[str, Any]]]
    tallied: dict[str, int]
    captured: list[Captured]
    reserved: int
    open_payments: int


async def _all(store: DocumentStore, collection: str, order_by: str | None = None) -> AsyncIterator[dict[str, Any]]:
    after = None
    while True:
        page = await store.query(Query(collection, order_by=order_by, limit=_PAGE, after=after))
        for document in page.documents:
            yield document.data
        if page.next_cursor is None:
            return
        after = page.next_cursor


async def _open_payments(store: DocumentStore) -> int:
    page = await store.query(Query("payment_intents", (Filter("open", "==", True),), "created_at", limit=200))
    return len(page.documents)


async def read_state(store: DocumentStore, provider: DocumentStore) -> State:
    """The final state, once no payment is under way any more (or after half a minute, with those that still are)."""
    deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
    while await _open_payments(store) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  another process
        await asyncio.sleep(0.2)
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    async for row in _all(store, "seat_rows"):
        seats = rows.setdefault(row["event_id"], {})
        for number, state in row["taken"].items():
            seats[f"{row['section']}-{row['row']}-{number}"] = state
    tallied: dict[str, int] = {}
    async for tally in _all(store, "seat_tallies"):
        sold = sum(seats for seats, _ in tally["sold"].values())
        tallied[tally["event_id"]] = tallied.get(tally["event_id"], 0) + sold
    charges = [charge async for charge in _all(provider, "sandbox_charges")]
    return State(
        orders=[order async for order in _all(store, "orders")],
        holds=[hold async for hold in _all(store, "holds")],
        rows=rows,
        tallied=tallied,
        captured=[Captured(c["charge_id"], c["amount_minor"]) for c in charges if c["outcome"] == "captured"],
        reserved=sum(charge["outcome"] == "authorised" for charge in charges),
        open_payments=await _open_payments(store),
    )

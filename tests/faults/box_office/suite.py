"""What every invariant's suite has: a house on the site of the adapter's test, with something on sale."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from box_office import Agent
from faults.box_office.house import Answer, House, open_house
from faults.box_office.site import Site


class HouseSuite:
    """Subclassed by each store's test with the fixture `site`."""

    __test__ = False

    @pytest.fixture
    async def house(self, site: Site) -> AsyncIterator[House]:
        async with open_house(site) as house:
            await house.open()
            yield house


def hall(rows: int, seats: int, *, accessible: int = 0) -> dict[str, Any]:
    """A catalogue of one event "tonight" in one section A; wheelchair seats at both ends of the first rows."""
    section = {
        "id": "A",
        "name": "Floor",
        "rows": [
            {"names": [str(row)], "seats": seats, **({"accessible": [1, seats]} if row <= accessible else {})}
            for row in range(1, rows + 1)
        ],
    }
    venue = {
        "id": "hall",
        "name": "Union Hall",
        "city": "Chicago",
        "address": "1 Main Street",
        "time_zone": "America/Chicago",
        "sections": [section],
    }
    event = {
        "id": "tonight",
        "name": "Neon Harbor",
        "category": "concert",
        "performers": ["Neon Harbor"],
        "venue": "hall",
        "starts_at": "2026-11-20T19:30",
        "currency": "USD",
        "prices": {"A": 120},
    }
    return {"venues": [venue], "events": [event]}


async def buy_one(agent: Agent, customer: str, seats: list[str]) -> Answer:
    """Hold, quote and buy: the first answer that is not 200, or the last."""
    answer: Answer = await agent.tool("hold_tickets", {"event_id": "tonight", "seat_ids": seats}, customer)
    if answer.status_code != 200:
        return answer
    wanted = {"action": "create_order", "arguments": {"hold_id": answer.json()["hold_id"]}}
    answer = await agent.tool("quote", wanted, customer)
    if answer.status_code != 200:
        return answer
    bought: Answer = await agent.act(answer.json(), customer)
    return bought

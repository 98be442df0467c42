"""Announcing prices and availability: when a level changes, once, whoever looks."""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from typing import Any

import pytest

from usher_tools.availability.model import level_of
from usher_tools.availability.service import SeatWatch

SEATS = [f"C-X-{number}" for number in range(1, 6)]


async def _levels(office: Any) -> list[tuple[str, dict[str, str]]]:
    events = await office.published("usher.availability_changed.v1")
    return [(e.data["level"], {s["section"]: s["level"] for s in e.data["sections"]}) for e in events]


@pytest.mark.parametrize(
    ("available", "capacity", "level"),
    [(0, 50, "sold_out"), (5, 50, "few"), (6, 50, "available"), (1, 1, "available"), (-1, 5, "sold_out")],
)
def test_levels(available: int, capacity: int, level: str) -> None:
    assert level_of(available, capacity) == level


async def test_a_section_sells_out_and_comes_back(office: Any) -> None:
    watch = SeatWatch(office.office)
    await office.hold(["A-2-5"])
    await watch.look()
    assert await _levels(office) == []
    order = await office.buy(SEATS, "bob")
    await watch.look()
    await watch.look()
    assert await _levels(office) == [("available", {"A": "available", "B": "available", "C": "sold_out"})]
    quote = await office.quote("refund_order", {"order_id": order["order_id"], "seat_ids": SEATS[:1]}, "bob")
    assert (await office.act(quote, "bob")).status_code == 200
    await watch.look()
    assert [sections["C"] for _, sections in await _levels(office)] == ["sold_out", "available"]


async def test_a_lapsed_hold_is_noticed_though_nothing_is_written(office: Any) -> None:
    watch = SeatWatch(office.office)
    await office.hold(SEATS, "bob")
    await watch.look()
    office.clock.advance(timedelta(seconds=301))
    await watch.look()
    assert [sections["C"] for _, sections in await _levels(office)] == ["sold_out", "available"]
    office.clock.advance(timedelta(minutes=5))
    await watch.look()
    assert await watch.look() == 0  # nothing is held or written any more


async def test_many_looks_at_once_announce_once(office: Any) -> None:
    await office.buy(SEATS, "bob")
    await asyncio.gather(*(SeatWatch(office.office).look() for _ in range(8)))
    assert len(await _levels(office)) == 1


async def test_a_new_process_sees_what_was_sold_while_none_looked(open_box_office: Any) -> None:
    async with open_box_office() as office:
        await office.buy(SEATS, "bob")
    async with open_box_office() as office:
        await SeatWatch(office.office).look()
        assert [sections["C"] for _, sections in await _levels(office)] == ["sold_out"]


async def test_nothing_is_said_of_a_show_that_is_over(office: Any) -> None:
    await office.buy(SEATS, "bob")
    office.clock.advance(timedelta(hours=12))
    await SeatWatch(office.office).look()
    assert await _levels(office) == []


async def test_changed_prices_are_announced(office: Any, small_catalogue: Any) -> None:
    catalogue = small_catalogue()
    event = catalogue["events"][0]
    event["prices"] = {"A": 130, "B": 60.5}  # C is taken off sale
    for _ in range(2):
        response = await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
        assert response.status_code == 200, response.text
    (found,) = await office.published("usher.price_changed.v1")
    assert (found.data["event_id"], found.data["currency"], found.subject) == ("tonight", "USD", "tonight")
    assert found.data["sections"] == [
        {"section": "A", "name": "Floor", "price_minor": 13000, "previous_minor": 12000},
        {"section": "C", "name": "Box Seats", "previous_minor": 8000},
    ]


async def test_other_changes_and_new_shows_are_no_change_of_price(office: Any, small_catalogue: Any) -> None:
    catalogue = small_catalogue()
    catalogue["events"][0]["description"] = "Bring a scarf"
    catalogue["events"].append(copy.deepcopy(catalogue["events"][0]) | {"id": "tomorrow"})
    assert (await office.raw("POST", "/catalogue", caller="cli", json=catalogue)).status_code == 200
    assert not await office.published("usher.price_changed.v1")

"""The wait list: first come, first served, once, by a hold in the customer's name."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from usher_tools.availability.service import SeatWatch
from usher_tools.settings import Settings

BOX = {"event_id": "tonight", "section": "C", "quantity": 2}
SEATS = [f"C-X-{number}" for number in range(1, 6)]


@pytest.fixture
async def sold_out(office: Any) -> dict[str, Any]:
    """The orders of a box of five seats that is sold out: three seats, and two."""
    return {"three": await office.buy(SEATS[:3], "bob"), "two": await office.buy(SEATS[3:], "bea")}


async def _refund(office: Any, order: dict[str, Any], customer: str) -> None:
    quote = await office.quote("refund_order", {"order_id": order["order_id"]}, customer)
    assert (await office.act(quote, customer)).status_code == 200


async def _look(office: Any) -> int:
    return await SeatWatch(office.office).look()


async def _mine(office: Any, customer: str) -> Any:
    (entry,) = (await office.ok("get_wait_list", {"customer_id": customer}, customer))["entries"]
    return entry


async def test_freed_seats_are_held_for_the_first_in_line(office: Any, sold_out: dict[str, Any]) -> None:
    first = await office.ok("join_wait_list", BOX)
    second = await office.ok("join_wait_list", BOX, "cy")
    assert (first["status"], first["position"], second["position"]) == ("waiting", 1, 2)
    await _look(office)
    assert not await office.published("usher.wait_list_offered.v1")
    await _refund(office, sold_out["two"], "bea")
    await _look(office)
    await _look(office)
    (event,) = await office.published("usher.wait_list_offered.v1")
    entry = await _mine(office, "ann")
    assert (event.data["customer_id"], event.data["hold_id"]) == ("ann", entry["hold_id"])
    assert (entry["status"], entry["seat_ids"], entry["position"]) == ("offered", SEATS[3:], None)
    assert event.data["subtotal_minor"] == 16000
    assert (await _mine(office, "cy"))["position"] == 1
    response = await office.act(await office.quote("create_order", {"hold_id": entry["hold_id"]}))
    assert response.status_code == 200
    assert (await _mine(office, "ann"))["status"] == "bought"


async def test_an_offer_that_lapses_goes_to_the_next(office: Any, sold_out: dict[str, Any]) -> None:
    for customer in ("ann", "cy"):
        await office.ok("join_wait_list", BOX, customer)
    await _refund(office, sold_out["two"], "bea")
    watch = SeatWatch(office.office)
    await watch.look()
    office.clock.advance(timedelta(minutes=16))  # nothing is written when a hold lapses
    await watch.look()
    assert (await _mine(office, "ann"))["status"] == "lapsed"
    assert (await _mine(office, "cy"))["status"] == "offered"


async def test_who_needs_more_keeps_the_place_and_lets_a_smaller_party_pass(
    office: Any, sold_out: dict[str, Any]
) -> None:
    await office.ok("join_wait_list", {**BOX, "quantity": 3})
    await office.ok("join_wait_list", BOX, "cy")
    await _refund(office, sold_out["two"], "bea")
    await _look(office)
    assert [(await _mine(office, who))["status"] for who in ("ann", "cy")] == ["waiting", "offered"]
    await _refund(office, sold_out["three"], "bob")
    await _look(office)
    assert (await _mine(office, "ann"))["status"] == "offered"


async def test_a_wheelchair_user_and_company_are_served_with_seats_beside(open_box_office: Any) -> None:
    async with open_box_office(settings=Settings(max_seats_per_hold=50, max_held_seats=100)) as office:
        orders = [await office.buy([f"A-{row}-{number}" for number in range(1, 11)], "bob") for row in range(1, 5)]
        await office.ok("join_wait_list", {"event_id": "tonight", "section": "A", "quantity": 3, "accessible": True})
        await _refund(office, orders[0], "bob")
        await _look(office)
        assert sorted((await _mine(office, "ann"))["seat_ids"]) == ["A-1-1", "A-1-2", "A-1-3"]


async def test_processes_that_look_at_once_offer_once(office: Any, sold_out: dict[str, Any]) -> None:
    for customer in ("ann", "cy", "dee"):
        await office.ok("join_wait_list", {**BOX, "quantity": 1}, customer)
    await _refund(office, sold_out["two"], "bea")
    await asyncio.gather(*(_look(office) for _ in range(5)))
    events = await office.published("usher.wait_list_offered.v1")
    assert sorted(event.data["customer_id"] for event in events) == ["ann", "cy"]
    assert (await office.free())["C"] == 0


async def test_joining_again_changes_the_wish_and_keeps_the_place(office: Any, sold_out: dict[str, Any]) -> None:
    first = await office.ok("join_wait_list", BOX)
    await office.ok("join_wait_list", BOX, "cy")
    again = await office.ok("join_wait_list", {**BOX, "quantity": 1})
    assert (again["entry_id"], again["position"], again["quantity"]) == (first["entry_id"], 1, 1)


async def test_leaving(office: Any, sold_out: dict[str, Any]) -> None:
    entry = await office.ok("join_wait_list", BOX)
    response = await office.tool("leave_wait_list", {"entry_id": entry["entry_id"]}, "cy")
    assert (response.status_code, response.json()["code"]) == (404, "entry_not_found")
    for _ in range(2):
        assert (await office.ok("leave_wait_list", {"entry_id": entry["entry_id"]}))["status"] == "left"
    await _refund(office, sold_out["two"], "bea")
    await _look(office)
    assert not await office.published("usher.wait_list_offered.v1")
    assert (await office.ok("get_wait_list", {"customer_id": "ann"}))["entries"] == []


async def test_nobody_waits_for_what_is_free(office: Any) -> None:
    response = await office.tool("join_wait_list", BOX)
    assert (response.status_code, response.json()["code"]) == (409, "seats_available")
    response = await office.tool("join_wait_list", {**BOX, "event_id": "nothing"})
    assert response.status_code == 404
    office.clock.advance(timedelta(hours=12))
    assert (await office.tool("join_wait_list", BOX)).json()["code"] == "event_over"


async def test_a_price_limit_counts(office: Any, sold_out: dict[str, Any]) -> None:
    await office.ok("join_wait_list", {**BOX, "section": None, "max_price": 10})
    await _refund(office, sold_out["two"], "bea")
    await _look(office)
    assert (await _mine(office, "ann"))["status"] == "waiting"


async def test_one_over_the_caps_is_passed_and_stays_in_line(open_box_office: Any) -> None:
    async with open_box_office(settings=Settings(max_live_holds=1)) as office:
        order = await office.buy(SEATS[3:], "bea")
        await office.buy(SEATS[:3], "bob")
        await office.ok("join_wait_list", BOX)
        await office.ok("join_wait_list", BOX, "cy")
        mine = await office.hold(["A-2-5"])
        await _refund(office, order, "bea")
        await _look(office)
        assert [(await _mine(office, who))["status"] for who in ("ann", "cy")] == ["waiting", "offered"]
        await office.ok("release_hold", {"hold_id": mine["hold_id"]})
        await office.ok("release_hold", {"hold_id": (await _mine(office, "cy"))["hold_id"]}, "cy")
        await _look(office)
        assert (await _mine(office, "ann"))["status"] == "offered"


async def test_a_retry_with_the_same_key_joins_once(office: Any, sold_out: dict[str, Any]) -> None:
    first = await office.ok("join_wait_list", BOX, Idempotency_Key="k")
    again = await office.ok("join_wait_list", BOX, Idempotency_Key="k")
    assert again["entry_id"] == first["entry_id"]

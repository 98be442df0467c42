"""General admission: places without seats, many buyers at once, never more than the capacity."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from usher_shared.documents import Filter, Query
from usher_tools.events.service import find_event
from usher_tools.seats.shards import MAX_CAPACITY, shard_bounds


def _hall(*sections: dict[str, Any], prices: dict[str, float], blocked: list[str] | None = None) -> dict[str, Any]:
    return {
        "venues": [
            {
                "id": "hall",
                "name": "Union Hall",
                "city": "Chicago",
                "address": "1 Main Street",
                "time_zone": "America/Chicago",
                "sections": list(sections),
            }
        ],
        "events": [
            {
                "id": "tonight",
                "name": "Neon Harbor",
                "category": "concert",
                "venue": "hall",
                "starts_at": "2026-11-20T19:30",
                "currency": "USD",
                "prices": prices,
                "fees": {"per_ticket": 2.5},
                "policies": {"refund": {"until_hours_before": 1}, "upgrade": {"until_hours_before": 1}},
                "blocked": blocked or [],
            }
        ],
    }


def _floor(capacity: int, **more: Any) -> dict[str, Any]:
    return {"id": "F", "name": "Floor", "capacity": capacity, **more}


_BALCONY = {"id": "B", "name": "Balcony", "rows": [{"from": "1", "to": "2", "seats": 6}]}


@pytest.fixture
def open_floor(open_box_office: Any) -> Any:
    """`async with open_floor(capacity, blocked=[...], accessible=5) as office`, with a balcony of 12 seats."""

    def opener(capacity: int, *, blocked: list[str] | None = None, **more: Any) -> Any:
        catalogue = _hall(_floor(capacity, **more), _BALCONY, prices={"F": 60, "B": 40}, blocked=blocked)
        return open_box_office(catalogue=catalogue)

    return opener


async def _check(office: Any, quantity: int, customer: str | None = "ann", **more: Any) -> Any:
    return await office.ok("check_inventory", {"event_id": "tonight", "quantity": quantity, **more}, customer)


async def _hold(office: Any, seat_ids: list[str], customer: str) -> Any:
    return await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": seat_ids}, customer)


def test_shards_do_not_move_when_the_capacity_changes() -> None:
    largest = shard_bounds(MAX_CAPACITY)
    assert largest[-1] == MAX_CAPACITY
    assert largest == sorted(set(largest))
    for capacity in (1, 32, 33, 500, 512, 3_583, 3_584, 3_585, 20_000):
        bounds = shard_bounds(capacity)
        assert bounds[-1] == capacity
        assert bounds[:-1] == largest[: len(bounds) - 1]
    assert max(end - first for first, end in itertools.pairwise(largest)) == 256


async def test_from_offer_to_refund(open_floor: Any) -> None:
    async with open_floor(100) as office:
        offer = await _check(office, 3)
        assert (offer["adjacent"], offer["available"]) == (True, 112)
        assert offer["note"] == "General admission: no seat is reserved."
        assert {(s["section"], s["row"], s["general_admission"]) for s in offer["seats"]} == {("F", "GA", True)}
        hold = await office.hold([seat["id"] for seat in offer["seats"]])
        assert (await office.free())["F"] == 97
        quote = await office.quote("create_order", {"hold_id": hold["hold_id"]})
        assert "Floor, 3 general admission" in quote["summary"]
        order = (await office.act(quote)).json()
        assert all(seat["general_admission"] for seat in order["seats"])
        refund = await office.quote(
            "refund_order", {"order_id": order["order_id"], "seat_ids": [order["seats"][0]["id"]]}
        )
        assert "Floor, 1 general admission" in refund["summary"]
        assert (await office.act(refund)).status_code == 200
        assert (await office.free())["F"] == 98


async def test_taken_places_are_exchanged(open_floor: Any) -> None:
    """Everybody names the same places: each gets others, until the section is full, and not one more."""
    async with open_floor(100) as office:
        responses = await asyncio.gather(*(_hold(office, ["F-GA-1", "F-GA-2"], f"c{i}") for i in range(60)))
        held = [seat["id"] for r in responses if r.status_code == 200 for seat in r.json()["seats"]]
        assert (len(held), len(set(held))) == (100, 100)
        refused = [r.json() for r in responses if r.status_code != 200]
        assert {(problem["status"], problem["code"]) for problem in refused} == {(409, "seats_taken")}
        assert "no general admission places are left" in refused[0]["detail"]
        assert (await office.free())["F"] == 0


async def test_the_last_places_are_found(open_floor: Any) -> None:
    """A party of 5 for the 5 places left in five different shards is not told that the section is full."""
    async with open_floor(32 * 5) as office:
        everything = [f"F-GA-{n}" for n in range(1, 161) if n % 32 != 7]
        for start in range(0, len(everything), 12):
            assert (await _hold(office, everything[start : start + 12], f"c{start}")).status_code == 200
        offer = await _check(office, 5, section="floor")
        assert sorted(seat["id"] for seat in offer["seats"]) == [f"F-GA-{n}" for n in (103, 135, 39, 7, 71)]
        response = await _hold(office, [f"F-GA-{n}" for n in range(1, 6)], "ann")
        assert response.status_code == 200, response.text
        response = await _hold(office, ["F-GA-1"], "bob")
        assert (response.status_code, response.json()["code"]) == (409, "seats_taken")


async def test_a_lapsed_hold_is_taken_over(open_floor: Any) -> None:
    async with open_floor(12) as office:
        names = [f"F-GA-{n}" for n in range(1, 13)]
        await office.hold(names, "bob")
        assert (await _check(office, 1, section="F"))["note"] == "No seats that fit are left."
        office.clock.advance(timedelta(seconds=301))
        assert len((await office.hold(names, "ann"))["seats"]) == 12
        assert (await _hold(office, ["F-GA-3"], "bob")).json()["code"] == "seats_taken"


async def test_parties_spread_and_stay_together(open_floor: Any) -> None:
    async with open_floor(20_000) as office:
        offers = await asyncio.gather(*(_check(office, 4, f"c{i}") for i in range(60)))
        seating = await office.office.seating(office.store, await find_event(office.store, "tonight"))
        shards = [{seating.find(seat["id"]).shard for seat in offer["seats"]} for offer in offers]
        assert all(len(party) == 1 for party in shards)
        assert len({next(iter(party)) for party in shards}) > 25


async def test_accessible_places_are_kept(open_floor: Any) -> None:
    async with open_floor(10, accessible=4) as office:
        info = await office.ok("get_event_info", {"event_id": "tonight"})
        floor = next(section for section in info["sections"] if section["section"] == "F")
        assert (floor["general_admission"], floor["capacity"], floor["accessible_available"]) == (True, 10, 4)
        offer = await _check(office, 6, section="F")
        assert not any(seat["accessible"] for seat in offer["seats"])
        assert (await _hold(office, [seat["id"] for seat in offer["seats"]], "bob")).status_code == 200
        offer = await _check(office, 2, section="F", accessible=True)
        assert [seat["accessible"] for seat in offer["seats"]] == [True, True]
        last = await _check(office, 1, section="F")
        assert "kept for wheelchair users" in last["note"]
        # an ordinary place that is gone becomes a wheelchair place only when nothing else is left
        assert (await _hold(office, ["F-GA-5"], "cid")).json()["seats"][0]["accessible"]
        assert (await office.hold(["F-GA-1", "F-GA-2", "F-GA-3"], "dan"))["seats"]
        refused = await _hold(office, ["F-GA-4"], "eve")
        assert (refused.status_code, refused.json()["code"]) == (409, "seats_taken")


async def test_blocks_and_changed_capacity(open_floor: Any, open_box_office: Any) -> None:
    async with open_floor(200, blocked=["F-GA-1..50"]) as office:
        assert (await office.free())["F"] == 150
        response = await _hold(office, ["F-GA-50"], "ann")
        assert response.json()["code"] == "seat_not_found"
        await office.buy(["F-GA-60", "F-GA-199"])
        larger = _hall(_floor(5_000), _BALCONY, prices={"F": 60, "B": 40})
        assert (await office.raw("POST", "/catalogue", caller="cli", json=larger)).status_code == 200
        assert (await office.free())["F"] == 4_998
        assert (await office.hold(["F-GA-60"], "bob"))["seats"][0]["id"] != "F-GA-60"
        smaller = _hall(_floor(198), _BALCONY, prices={"F": 60, "B": 40})
        refused = await office.raw("POST", "/catalogue", caller="cli", json=smaller)
        assert (refused.json()["code"], refused.json()["seats"]) == ("seats_in_use", ["F-GA-199"])
        seats = _hall({**_BALCONY, "id": "F"}, _BALCONY, prices={"F": 60, "B": 40})
        assert (await office.raw("POST", "/catalogue", caller="cli", json=seats)).json()["code"] == "seats_in_use"


async def test_rank_decides_between_floor_and_seats(open_box_office: Any) -> None:
    catalogue = _hall(_floor(8, rank=2), {**_BALCONY, "rank": 1}, prices={"F": 60, "B": 40})
    async with open_box_office(catalogue=catalogue) as office:
        assert {seat["section"] for seat in (await _check(office, 4))["seats"]} == {"B"}
        # the balcony's rows have six seats each: a party of 7 stays together on the floor
        assert {seat["section"] for seat in (await _check(office, 7))["seats"]} == {"F"}
        # and neither has ten together
        assert {seat["section"] for seat in (await _check(office, 10))["seats"]} == {"B"}
        assert (await _check(office, 4, max_price=50))["available"] == 12


async def test_upgrades_from_and_to_the_floor(open_floor: Any) -> None:
    async with open_floor(40) as office:
        order = await office.buy(["B-2-3", "B-2-4"])
        quote = await office.quote("upgrade_tickets", {"order_id": order["order_id"]})
        assert "to Floor, 2 general admission" in quote["summary"]
        moved = (await office.act(quote)).json()
        assert {seat["row"] for seat in moved["seats"]} == {"GA"}
        assert await office.free() == {"F": 38, "B": 12}
        again = await office.tool("quote", {"action": "upgrade_tickets", "arguments": {"order_id": order["order_id"]}})
        assert again.json()["code"] == "no_better_seats"


async def test_an_upgrade_to_places_that_others_took_meanwhile(open_floor: Any) -> None:
    """The yes was to two places on the floor at that price, not to certain ones."""
    async with open_floor(40) as office:
        order = await office.buy(["B-2-3", "B-2-4"])
        quote = await office.quote("upgrade_tickets", {"order_id": order["order_id"]})
        quoted = [seat["id"] for seat in quote["seats"]]
        assert {seat["id"] for seat in (await office.hold(quoted, "bob"))["seats"]} == set(quoted)
        moved = await office.act(quote)
        assert moved.status_code == 200, moved.text
        assert {seat["row"] for seat in moved.json()["seats"]} == {"GA"}
        assert not set(quoted) & {seat["id"] for seat in moved.json()["seats"]}
        assert await office.free() == {"F": 36, "B": 12}


async def test_upgrade_from_the_floor_to_seats(open_box_office: Any) -> None:
    catalogue = _hall(_BALCONY, _floor(40), prices={"F": 30, "B": 40})
    async with open_box_office(catalogue=catalogue) as office:
        order = await office.buy(["F-GA-3", "F-GA-4"])
        quote = await office.quote("upgrade_tickets", {"order_id": order["order_id"]})
        assert "from Floor, 2 general admission to Balcony row 1 seats 3 and 4" in quote["summary"]
        assert (await office.act(quote)).status_code == 200
        assert await office.free() == {"F": 40, "B": 10}


async def test_one_live_ticket_for_each_place(open_floor: Any) -> None:
    """What rows, tallies and orders say agrees after a storm of holds, sales and lapses."""
    async with open_floor(70) as office:

        async def visit(number: int) -> None:
            customer = f"c{number}"
            offer = await _check(office, 1 + number % 5, customer, section="F")
            response = await _hold(office, [seat["id"] for seat in offer["seats"]] or ["F-GA-1"], customer)
            if response.status_code == 200 and number % 3:
                quote = await office.quote("create_order", {"hold_id": response.json()["hold_id"]}, customer)
                assert (await office.act(quote, customer)).status_code == 200

        await asyncio.gather(*(visit(number) for number in range(40)))
        office.clock.advance(timedelta(seconds=1000))
        rows = await office.store.query(Query("seat_rows", (Filter("event_id", "==", "tonight"),), limit=500))
        sold = [
            (number, state["order"])
            for row in rows.documents
            for number, state in row.data["taken"].items()
            if "order" in state
        ]
        assert len({number for number, _ in sold}) == len(sold)
        assert (await office.free())["F"] == 70 - len(sold)
        for order_id in {order for _, order in sold}:
            order = await office.store.get("orders", order_id)
            assert {seat["number"] for seat in order["seats"]} == {n for n, owner in sold if owner == order_id}

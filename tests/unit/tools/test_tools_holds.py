"""Holds: all or nothing, capped, released by their owner alone, expiring by themselves."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

from usher_shared.documents import Filter, Query
from usher_tools.settings import Settings


async def _hold(office: Any, seats: list[str], customer: str = "ann", **more: Any) -> Any:
    return await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": seats, **more}, customer)


async def test_all_or_nothing(office: Any) -> None:
    await office.hold(["A-2-5", "A-3-5"], "bob")
    response = await _hold(office, ["A-2-4", "A-2-5", "A-3-5"])
    assert response.status_code == 409
    assert response.json()["seat_ids"] == ["A-2-5", "A-3-5"]
    assert (await office.free())["A"] == 38


async def test_overlapping_holds_at_once(office: Any) -> None:
    generator = random.Random(7)
    seats = [f"A-{row}-{number}" for row in (2, 3) for number in range(1, 11)]
    wanted = [generator.sample(seats, 4) for _ in range(60)]
    responses = await asyncio.gather(*(_hold(office, s, f"c{i}") for i, s in enumerate(wanted)))
    assert {r.status_code for r in responses} <= {200, 409}
    held = [seat for r, s in zip(responses, wanted, strict=True) if r.status_code == 200 for seat in s]
    assert len(held) == len(set(held))
    assert (await office.free())["A"] == 40 - len(held)


async def test_caps(office: Any) -> None:
    response = await _hold(office, [f"A-{row}-{n}" for row in (2, 3) for n in range(1, 8)])
    assert response.json()["code"] == "too_many_seats"
    holds = [await office.hold([f"A-2-{n}"]) for n in (1, 3, 5)]
    response = await _hold(office, ["A-2-7"])
    assert (response.status_code, response.json()["code"]) == (409, "too_many_holds")
    await office.ok("release_hold", {"hold_id": holds[0]["hold_id"]})
    assert (await _hold(office, ["A-2-7"])).status_code == 200


async def test_release_is_the_owners(office: Any) -> None:
    hold = await office.hold(["A-2-5"])
    response = await office.tool("release_hold", {"hold_id": hold["hold_id"]}, "bob")
    assert (response.status_code, response.json()["code"]) == (404, "hold_not_found")
    for _ in range(2):
        assert (await office.ok("release_hold", {"hold_id": hold["hold_id"]}))["status"] == "released"
    assert (await office.free())["A"] == 40
    response = await office.tool("quote", {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}})
    assert response.json()["code"] == "hold_released"


async def test_a_late_release_does_not_free_anothers_seats(office: Any) -> None:
    hold = await office.hold(["A-2-5"])
    office.clock.advance(timedelta(seconds=301))
    await office.hold(["A-2-5"], "bob")
    await office.ok("release_hold", {"hold_id": hold["hold_id"]})
    assert (await _hold(office, ["A-2-5"], "eve")).json()["code"] == "seats_taken"


async def test_a_bought_hold_cannot_be_released(office: Any) -> None:
    quote = await office.purchase(["A-2-5"])
    await office.act(quote)
    response = await office.tool("release_hold", {"hold_id": quote["arguments"]["hold_id"]})
    assert (response.status_code, response.json()["code"]) == (409, "hold_sold")


async def test_holding_again_and_again_ends(open_box_office: Any) -> None:
    async with open_box_office(settings=Settings(max_hold_seconds=600)) as office:
        held, refused = 0, None
        for _ in range(20):
            response = await _hold(office, ["A-2-5", "A-2-6"])
            if response.status_code != 200:
                refused = response.json()["code"]
                break
            held += 1
            office.clock.advance(timedelta(seconds=200))
            await office.ok("release_hold", {"hold_id": response.json()["hold_id"]})
        assert (held, refused) == (3, "hold_limit")
        assert (await _hold(office, ["A-2-5"], "bob")).status_code == 200


async def test_no_hold_after_the_start_or_for_a_cancelled_event(office: Any, small_catalogue: Any) -> None:
    office.clock.advance(timedelta(hours=8))
    assert (await _hold(office, ["A-2-5"])).json()["code"] == "event_over"
    catalogue = small_catalogue()
    catalogue["events"][1]["status"] = "cancelled"
    await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
    response = await office.tool("hold_tickets", {"event_id": "next-week", "seat_ids": ["A-2-5"]})
    assert response.json()["code"] == "event_cancelled"


async def test_unknown_and_doubled_seats(office: Any) -> None:
    response = await _hold(office, ["A-2-5", "A-9-1", "nonsense"])
    assert (response.status_code, response.json()["code"]) == (404, "seat_not_found")
    assert "A-9-1, nonsense" in response.json()["detail"]
    assert (await _hold(office, ["A-2-5", "A-2-5"])).json()["code"] == "seat_named_twice"
    response = await office.tool("hold_tickets", {"event_id": "nothing", "seat_ids": ["A-1-1"]})
    assert (response.status_code, response.json()["code"]) == (404, "event_not_found")


async def test_idempotency_key(office: Any) -> None:
    wanted = {"event_id": "tonight", "seat_ids": ["A-2-5"]}
    first = await office.ok("hold_tickets", wanted, Idempotency_Key="k")
    assert await office.ok("hold_tickets", wanted, Idempotency_Key="k") == first
    other = await office.tool("hold_tickets", {**wanted, "seat_ids": ["A-2-6"]}, Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    bobs = await office.tool("hold_tickets", wanted, "bob", Idempotency_Key="k")
    assert bobs.json()["code"] == "seats_taken"


async def test_a_refused_call_frees_its_key(office: Any) -> None:
    bobs = await office.hold(["A-2-5"], "bob")
    wanted = {"event_id": "tonight", "seat_ids": ["A-2-5"]}
    assert (await office.tool("hold_tickets", wanted, Idempotency_Key="k")).status_code == 409
    await office.ok("release_hold", {"hold_id": bobs["hold_id"]}, "bob")
    assert (await office.tool("hold_tickets", wanted, Idempotency_Key="k")).status_code == 200


async def test_tallies_agree_with_the_rows(office: Any) -> None:
    """After a storm of holds, releases, expiries, sales and refunds the counters say what the seats say."""
    generator = random.Random(11)
    for step in range(120):
        customer = f"c{generator.randrange(6)}"
        seats = [f"A-{generator.randrange(1, 5)}-{n}" for n in generator.sample(range(1, 11), 2)]
        held = await _hold(office, seats, customer, expires_in_seconds=generator.choice((30, 120, 300)))
        if held.status_code == 200:
            hold_id = held.json()["hold_id"]
            what = generator.choice(("leave", "release", "buy", "buy and refund"))
            if what == "release":
                await office.ok("release_hold", {"hold_id": hold_id}, customer)
            elif what != "leave":
                bought = await office.act(await office.quote("create_order", {"hold_id": hold_id}, customer), customer)
                if what == "buy and refund":
                    wanted = {"order_id": bought.json()["order_id"], "seat_ids": seats[:1]}
                    await office.act(await office.quote("refund_order", wanted, customer), customer)
        office.clock.advance(timedelta(seconds=generator.choice((0, 10, 60))))
        if step % 10 == 0:
            listed = await office.ok("check_inventory", {"event_id": "tonight", "quantity": 1, "section": "A"}, None)
            assert listed["available"] == (await office.free())["A"]
    page = await office.store.query(Query("seat_rows", (Filter("event_id", "==", "tonight"),)))
    assert page.documents

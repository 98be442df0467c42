"""Buying through the HTTP contract."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any


async def test_buy_two_seats(office: Any) -> None:
    found = await office.ok("check_inventory", {"event_id": "tonight", "quantity": 2}, None)
    assert found["adjacent"] is True
    assert [seat["id"] for seat in found["seats"]] == ["A-1-5", "A-1-6"]
    hold = await office.hold([seat["id"] for seat in found["seats"]])
    assert hold["subtotal"] == 240.0
    quote = await office.quote("create_order", {"hold_id": hold["hold_id"]})
    assert (quote["subtotal"], quote["fees"], quote["total"]) == (240.0, 29.0, 269.0)
    assert quote["arguments"]["customer_id"] == "ann"
    assert "Floor row 1 seats 5 and 6" in quote["summary"]
    response = await office.act(quote)
    assert response.status_code == 200, response.text
    order = response.json()
    assert order["status"] == "confirmed"
    assert order["total"] == 269.0
    assert (await office.free())["A"] == 38
    (event,) = await office.published("usher.ticket_purchased.v1")
    assert event.data["total_minor"] == 26900
    assert event.data["quantity"] == 2
    view = (await office.raw("GET", f"/orders/{order['order_id']}", params={"customer_id": "ann"})).json()
    assert view["total"] == 269.0
    assert [seat["id"] for seat in view["seats"]] == ["A-1-5", "A-1-6"]


async def test_fifty_buyers_of_five_seats_sell_five(office: Any) -> None:
    async def buy(number: int) -> int:
        customer, seat = f"c{number}", f"C-X-{number % 5 + 1}"
        response = await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": [seat]}, customer)
        if response.status_code != 200:
            assert response.json()["code"] == "seats_taken"
            assert response.json()["seat_ids"] == [seat]
            return response.status_code
        quote = await office.quote("create_order", {"hold_id": response.json()["hold_id"]}, customer)
        return (await office.act(quote, customer)).status_code

    statuses = await asyncio.gather(*(buy(number) for number in range(50)))
    assert sorted(statuses) == [200] * 5 + [409] * 45
    assert (await office.free())["C"] == 0


async def test_an_expired_hold_frees_its_seats_and_cannot_buy(office: Any) -> None:
    hold = await office.hold(["C-X-1", "C-X-2"], "ann")
    quote = await office.quote("create_order", {"hold_id": hold["hold_id"]})
    assert (await office.free())["C"] == 3
    office.clock.advance(timedelta(seconds=300))
    assert (await office.free())["C"] == 5
    await office.hold(["C-X-2", "C-X-3"], "bob")
    response = await office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "quote_expired")
    late = await office.tool("quote", {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}})
    assert (late.status_code, late.json()["code"]) == (409, "hold_expired")
    assert (await office.free())["C"] == 3

"""Upgrades and refunds through the HTTP contract."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from usher_tools.orders.payment import reconcile
from usher_tools.payments.ports import PaymentUnknown

START = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)  # 19:30 in Chicago


async def _order(office: Any, order_id: str, customer: str = "ann") -> dict[str, Any]:
    view: dict[str, Any] = await office.ok("get_order", {"order_id": order_id}, customer)
    return view


def _seats(view: dict[str, Any]) -> list[str]:
    return [seat["id"] for seat in view["seats"]]


async def test_upgrade_to_a_section(office: Any) -> None:
    order = await office.buy(["B-A-4", "B-A-5"])
    quote = await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "floor"})
    # 60.50 + 8.55 fees each before, 120 + 14.50 after
    assert quote["total"] == pytest.approx(2 * (134.5 - 69.05))
    assert _seats(quote) == ["A-1-5", "A-1-6"]
    assert [seat["id"] for seat in quote["previous_seats"]] == ["B-A-4", "B-A-5"]
    done = (await office.act(quote)).json()
    assert (done["status"], done["price_delta"]) == ("upgraded", 130.9)
    view = await _order(office, order["order_id"])
    assert _seats(view) == ["A-1-5", "A-1-6"]
    assert view["status"] == "upgraded"
    assert view["total"] == pytest.approx(269.0)
    assert await office.free() == {"A": 38, "B": 16, "C": 5}
    (event,) = await office.published("usher.ticket_upgraded.v1")
    assert event.data["price_delta_minor"] == 13090


async def test_upgrade_within_a_price(office: Any) -> None:
    order = await office.buy(["C-X-1", "C-X-2"])
    wanted = {"order_id": order["order_id"], "max_price_delta": 87.99}
    too_low = await office.tool("quote", {"action": "upgrade_tickets", "arguments": wanted})
    assert (too_low.status_code, too_low.json()["code"]) == (409, "no_better_seats")
    assert "$88.00" in too_low.json()["detail"]
    quote = await office.quote("upgrade_tickets", {**wanted, "max_price_delta": 88})
    assert (quote["total"], _seats(quote)) == (88.0, ["A-1-5", "A-1-6"])
    assert (await office.act(quote)).json()["price_delta"] == 88.0


async def test_no_better_seats_than_the_best(office: Any) -> None:
    order = await office.buy(["A-1-5", "A-1-6"])
    response = await office.tool("quote", {"action": "upgrade_tickets", "arguments": {"order_id": order["order_id"]}})
    assert (response.status_code, response.json()["code"]) == (409, "no_better_seats")


async def test_a_failed_upgrade_keeps_the_old_seats(office: Any) -> None:
    order = await office.buy(["B-A-4", "B-A-5"])
    quote = await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "A"})
    await office.payments.store_method("ann", "tok_declined")
    response = await office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "payment_declined")
    view = await _order(office, order["order_id"])
    assert _seats(view) == ["B-A-4", "B-A-5"]
    assert await office.free() == {"A": 40, "B": 14, "C": 5}
    await office.payments.store_method("ann", "tok_visa")
    again = await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "A"})
    assert (await office.act(again)).status_code == 200


async def test_quoted_seats_that_were_taken(office: Any) -> None:
    order = await office.buy(["B-A-4", "B-A-5"])
    quote = await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "A"})
    await office.hold(_seats(quote)[:1], "bob")
    response = await office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "seats_taken")
    assert response.json()["seat_ids"] == _seats(quote)[:1]
    assert _seats(await _order(office, order["order_id"])) == ["B-A-4", "B-A-5"]


async def test_upgrades_end_before_the_start(office: Any) -> None:
    order = await office.buy(["B-A-4"])
    office.clock.advance(START - timedelta(hours=1) - office.clock.now())
    await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "A"})
    office.clock.advance(timedelta(seconds=1))
    response = await office.tool("quote", {"action": "upgrade_tickets", "arguments": {"order_id": order["order_id"]}})
    assert (response.status_code, response.json()["code"]) == (409, "outside_policy")
    assert "Fri 20 Nov 2026, 18:30" in response.json()["detail"]


async def test_refund_less_fee(office: Any) -> None:
    order = await office.buy(["A-2-5", "A-2-6"])
    quote = await office.quote("refund_order", {"order_id": order["order_id"]})
    assert quote["total"] == -216.0  # 10% of 120 kept, service fees not refunded
    done = (await office.act(quote)).json()
    assert (done["status"], done["refunded"]) == ("refunded", 216.0)
    view = await _order(office, order["order_id"])
    assert (view["status"], view["seats"], view["total"]) == ("refunded", [], pytest.approx(53.0))
    assert (await office.free())["A"] == 40
    (event,) = await office.published("usher.ticket_refunded.v1")
    assert event.data["refunded_minor"] == 21600
    again = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": order["order_id"]}})
    assert again.json()["code"] == "order_refunded"


async def test_partial_refunds_and_an_upgrade_at_once(office: Any) -> None:
    """Only one change at a time: what is given back never exceeds what was paid."""
    order = await office.buy(["B-A-4", "B-A-5"])
    id = order["order_id"]
    quotes = [
        await office.quote("refund_order", {"order_id": id, "seat_ids": ["B-A-4"]}),
        await office.quote("refund_order", {"order_id": id, "seat_ids": ["B-A-4", "B-A-5"]}),
        await office.quote("upgrade_tickets", {"order_id": id, "target_section": "A"}),
    ]
    responses = await asyncio.gather(*(office.act(quote) for quote in quotes))
    assert [r.status_code for r in responses].count(200) == 1
    codes = {r.json()["code"] for r in responses if r.status_code != 200}
    assert codes <= {"order_busy", "order_refunded", "seat_not_found", "price_changed"}


async def test_partial_refund_then_the_rest_after_an_upgrade(office: Any) -> None:
    order = await office.buy(["B-A-4", "B-A-5"])
    id = order["order_id"]
    await office.act(await office.quote("upgrade_tickets", {"order_id": id, "target_section": "A"}))
    first = await office.quote("refund_order", {"order_id": id, "seat_ids": ["A-1-6"]})
    assert (await office.act(first)).json()["status"] == "partially_refunded"
    view = await _order(office, id)
    assert (view["status"], _seats(view)) == ("partially_refunded", ["A-1-5"])
    rest = await office.quote("refund_order", {"order_id": id})
    assert (await office.act(rest)).status_code == 200
    assert first["total"] + rest["total"] == -216.0
    assert await office.free() == {"A": 40, "B": 16, "C": 5}


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (-1, 200), (1, 409)])
async def test_refund_window_to_the_second(office: Any, seconds: int, status: int) -> None:
    order = await office.buy(["A-2-5"])
    office.clock.advance(START - timedelta(hours=2) + timedelta(seconds=seconds) - office.clock.now())
    response = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": order["order_id"]}})
    assert response.status_code == status
    if status == 409:
        assert response.json()["code"] == "outside_policy"
        assert "ended on Fri 20 Nov 2026, 17:30" in response.json()["detail"]


async def test_the_window_may_close_between_quote_and_yes(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    office.clock.advance(START - timedelta(hours=2) - office.clock.now())
    quote = await office.quote("refund_order", {"order_id": order["order_id"]})
    office.clock.advance(timedelta(seconds=1))
    response = await office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "outside_policy")


async def test_a_sale_says_whether_its_tickets_can_still_be_refunded(office: Any) -> None:
    policies = []
    for seat in ("A-2-5", "A-2-6"):
        hold = await office.hold([seat])
        quote = await office.quote("create_order", {"hold_id": hold["hold_id"], "payment_method_token": "tok_visa"})
        policies.append(quote["policy"])
        office.clock.advance(START - timedelta(hours=1) - office.clock.now())
    assert "ended" not in policies[0]
    assert policies[1].startswith("Refunds for this event ended on ")
    assert policies[1].endswith(policies[0])


async def test_no_refund_policy_means_no_refund(office: Any) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    response = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": order["order_id"]}})
    assert (response.status_code, response.json()["code"]) == (409, "outside_policy")
    assert response.json()["detail"].startswith("Tickets cannot be refunded.")


async def test_a_cancelled_event_is_refunded_in_full(office: Any, small_catalogue: Any) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    catalogue = small_catalogue()
    catalogue["events"][1]["status"] = "cancelled"
    await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
    office.clock.advance(timedelta(days=30))
    quote = await office.quote("refund_order", {"order_id": order["order_id"]})
    assert quote["total"] == -order["total"]
    assert (await office.act(quote)).status_code == 200


class _RefundsInSilence:
    """Refunds are made, but the first answer is lost."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def refund(self, **wanted: Any) -> Any:
        self.asked += 1
        made = await self._inner.refund(**wanted)
        if self.asked == 1:
            raise PaymentUnknown("silence")
        return made


@pytest.mark.parametrize("how", ["retry", "reconcile"])
async def test_a_refund_whose_answer_was_lost_is_made_once(open_box_office: Any, how: str) -> None:
    async with open_box_office(wrap=_RefundsInSilence) as office:
        order = await office.buy(["A-2-5"])
        quote = await office.quote("refund_order", {"order_id": order["order_id"]})
        yes = office.confirm(quote)
        response = await office.act(quote, yes=yes)
        assert (response.status_code, response.json()["code"]) == (504, "payment_unknown")
        if how == "reconcile":
            await reconcile(office.office)
        done = await office.act(quote, yes=yes)
        assert (done.status_code, done.json()["refunded"]) == (200, 108.0)
        view = await _order(office, order["order_id"])
        assert view["total"] == pytest.approx(order["total"] - 108.0)
        assert len(await office.published("usher.ticket_refunded.v1")) == 1


async def test_a_refund_that_is_refused_in_part_is_booked_as_far_as_it_went(office: Any) -> None:
    """Somebody has given money back at the provider: of two charges only one can be refunded by us."""
    bought = await office.buy(["B-A-4", "B-A-5"])
    id = bought["order_id"]
    assert (await office.act(await office.quote("upgrade_tickets", {"order_id": id}))).status_code == 200
    stored = await office.store.get("orders", id)
    first, second = stored["payments"]
    await office.payments.refund(charge_id=first["charge_id"], amount_minor=9000, idempotency_key="by hand")
    before = await _order(office, id)
    quote = await office.quote("refund_order", {"order_id": id})
    yes = office.confirm(quote)
    for _ in range(2):
        refused = await office.act(quote, yes=yes)
        assert (refused.status_code, refused.json()["code"]) == (409, "refund_refused")
    view = await _order(office, id)
    assert _seats(view) == _seats(before)
    assert view["total"] == pytest.approx(before["total"] - second["amount_minor"] / 100)
    assert (view["status"], view["history"][-1]["amount"]) == ("upgraded", -second["amount_minor"] / 100)
    payments = (await office.store.get("orders", id))["payments"]
    assert [p["refunded_minor"] for p in payments] == [0, second["amount_minor"]]
    (event,) = await office.published("usher.ticket_refunded.v1")
    assert (event.data["refunded_minor"], event.data["refunded_seat_ids"]) == (second["amount_minor"], [])
    tickets = (await office.raw("GET", "/support-tickets", caller="cli")).json()["tickets"]
    assert [ticket["order_id"] for ticket in tickets] == [id]
    receipt = await office.raw("GET", f"/orders/{id}/receipt?customer_id=ann", customer="ann")
    assert receipt.status_code == 200, receipt.text
    assert receipt.json()["net_paid"] == view["total"]
    again = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": id}})
    assert again.json()["code"] == "refund_refused"


async def test_orders_of_others_do_not_exist(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    mine = {"order_id": order["order_id"]}
    for response in (
        await office.tool("get_order", mine, "bob"),
        await office.raw("GET", f"/orders/{order['order_id']}", params={"customer_id": "bob"}),
        await office.tool("quote", {"action": "refund_order", "arguments": mine}, "bob"),
        await office.tool(
            "open_support_ticket", {"subject": "s", "details": "d", "order_id": order["order_id"]}, "bob"
        ),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "order_not_found")
    response = await office.raw("GET", f"/orders/{order['order_id']}", customer="bob", params={"customer_id": "ann"})
    assert response.status_code == 403


async def test_orders_are_listed_newest_first_in_pages(office: Any) -> None:
    ids = []
    for number in range(3):
        office.clock.advance(timedelta(seconds=1))
        ids.append((await office.buy([f"A-2-{number + 1}"]))["order_id"])
    first = (await office.raw("GET", "/orders", params={"customer_id": "ann", "limit": 2})).json()
    assert [order["order_id"] for order in first["orders"]] == ids[:0:-1]
    more = {"customer_id": "ann", "limit": 2, "cursor": first["next_cursor"]}
    second = (await office.raw("GET", "/orders", params=more)).json()
    assert [order["order_id"] for order in second["orders"]] == ids[:1]
    for cursor in ("nonsense", "[1]", '[{"a": 1}, "b"]'):
        bad = await office.raw("GET", "/orders", params={"customer_id": "ann", "cursor": cursor})
        assert (bad.status_code, bad.json()["code"]) == (400, "bad_cursor")


async def test_support_ticket(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    wanted = {"subject": "Wrong name", "details": "It says Bob", "order_id": order["order_id"]}
    first = await office.ok("open_support_ticket", wanted, Idempotency_Key="k1")
    again = await office.ok("open_support_ticket", wanted, Idempotency_Key="k1")
    assert first == again
    assert first["ticket_id"].startswith("SUP_")


async def test_a_conversation_has_one_open_ticket_for_a_matter(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    wanted = {"subject": "A person, please", "details": "The show is on Friday"}
    first = await office.ok("open_support_ticket", wanted, Usher_Conversation="c1")
    more = {"subject": "Still waiting", "details": "And it is loud"}
    again = await asyncio.gather(
        *(office.ok("open_support_ticket", more, Usher_Conversation="c1", Idempotency_Key=f"k{n}") for n in range(5))
    )
    assert {ticket["ticket_id"] for ticket in again} == {first["ticket_id"]}
    about = {**wanted, "order_id": order["order_id"]}
    others = [
        await office.ok("open_support_ticket", about, Usher_Conversation="c1"),
        await office.ok("open_support_ticket", wanted, Usher_Conversation="c2"),
        await office.ok("open_support_ticket", wanted, "bob", Usher_Conversation="c1"),
        await office.ok("open_support_ticket", wanted),
    ]
    assert len({ticket["ticket_id"] for ticket in [first, *others]}) == 5

    path = f"/support-tickets/{first['ticket_id']}"
    kept = (await office.raw("GET", path, caller="cli")).json()
    assert kept["details"].count("And it is loud") == 1  # said once, however often it was sent
    assert kept["conversation_id"] == "c1"
    assert (await office.raw("GET", path, caller="agent")).status_code == 403
    assert (await office.raw("GET", "/support-tickets/SUP_none", caller="cli")).status_code == 404

    await office.raw("POST", f"{path}/close", caller="cli", json={"by": "ann", "note": "called back"})
    new = await office.ok("open_support_ticket", wanted, Usher_Conversation="c1")
    assert new["ticket_id"] != first["ticket_id"]
    assert await office.ok("open_support_ticket", wanted, Usher_Conversation="c1") == new

"""Whole sales through Stripe's adapter while its stand-in fails: in the end its books and the box office's agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from box_office import NOW, BoxOffice, open_files
from contracts.payments.stripe_stand_in import KEY, Fault, StripeStandIn
from usher_shared.clock import ManualClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_tools.adapters.stripe_payments import StripePayments
from usher_tools.cancellations.service import CancellationDesk
from usher_tools.orders.payment import reconcile


@pytest.fixture
async def office(server: StripeStandIn, tmp_path: Path) -> AsyncIterator[BoxOffice]:
    clock, store = ManualClock(NOW), SqliteDocumentStore(tmp_path / "customers.db")
    provider = StripePayments(SecretStr(KEY), store, clock, api_base=server.url)
    server.now = lambda: clock.now().timestamp()
    customer = server.add_customer({"usher_customer_id": "ann"}, "pm_of_ann")
    server.methods["pm_of_ann"] = customer["id"]
    async with open_files(tmp_path, clock=clock, wrap=lambda _: provider) as opened:
        yield opened
    await store.close()


async def _agree(office: BoxOffice, server: StripeStandIn, expected: int) -> list[Any]:
    """Everything is over, and what Stripe kept is what the orders are worth; the orders."""
    for wait in (timedelta(0), timedelta(seconds=301), timedelta(minutes=10)):
        office.clock.advance(wait)
        await reconcile(office.office)
    assert await reconcile(office.office) == 0
    orders: list[Any] = (await office.ok("list_orders", {"customer_id": "ann"}))["orders"]
    kept = sum(p["amount_received"] - server.given_back(p["id"]) for p in server.payments.values())
    assert kept == sum(round(order["total"] * 100) for order in orders)
    assert "requires_capture" not in {p["status"] for p in server.payments.values()}
    assert len(orders) == expected
    return orders


async def test_a_sale_an_upgrade_and_a_partial_refund(office: BoxOffice, server: StripeStandIn) -> None:
    order = await office.buy(["B-A-4", "B-A-5"])
    upgrade = await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "A"})
    assert (await office.act(upgrade)).status_code == 200
    seat = (await office.ok("get_order", {"order_id": order["order_id"]}))["seats"][0]["id"]
    refund = await office.quote("refund_order", {"order_id": order["order_id"], "seat_ids": [seat]})
    assert (await office.act(refund)).status_code == 200

    (view,) = await _agree(office, server, 1)

    assert view["status"] == "partially_refunded"
    assert [p["status"] for p in server.payments.values()] == ["succeeded", "succeeded"]
    assert {p["payment_method"] for p in server.payments.values()} == {"pm_of_ann"}
    assert server.asked.count("create_customer") == 0


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "error_before", "error_after", "busy"])
@pytest.mark.parametrize("operation", ["authorise", "capture"])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_sale_while_stripe_fails(
    office: BoxOffice, server: StripeStandIn, operation: str, fault: Fault, times: int
) -> None:
    server.fail(operation, *[fault] * times)
    quote = await office.purchase(["A-2-5"])
    yes = office.confirm(quote)
    for _ in range(3):
        response = await office.act(quote, yes=yes)
        assert response.status_code in (200, 504)
    never = operation == "authorise" and fault == "error_before"  # Stripe answers so for a day
    assert response.status_code == (504 if never else 200)
    await _agree(office, server, 0 if never else 1)


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "error_after", "busy"])
async def test_a_refund_while_stripe_fails(office: BoxOffice, server: StripeStandIn, fault: Fault) -> None:
    order = await office.buy(["A-2-5", "A-2-6"])
    quote = await office.quote("refund_order", {"order_id": order["order_id"], "seat_ids": ["A-2-5"]})
    server.fail("refund", fault, fault)
    assert (await office.act(quote)).status_code in (200, 504)
    (view,) = await _agree(office, server, 1)
    assert view["status"] == "partially_refunded"
    assert len(server.refunds) == 1


async def test_a_disputed_charge_of_a_cancelled_event(office: BoxOffice, server: StripeStandIn) -> None:
    """The refund is refused, and goes through once the dispute is over and it is asked for again: on the same day too,
    though Stripe repeats what it answered under a key."""
    order = await office.buy(["A-2-5"])
    server.refuse_refunds = True
    refused = await office.act(await office.quote("refund_order", {"order_id": order["order_id"]}))
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_refused")
    await _agree(office, server, 1)
    desk = CancellationDesk(office.office)
    for outcome in ("failed", "refunded"):
        server.refuse_refunds = outcome == "failed"
        await office.raw("POST", "/events/tonight/cancel", caller="cli", json={"reason": "The hall is flooded."})
        await desk.round()
        office.clock.advance(timedelta(minutes=2))  # a lease of the application's own desk
        await desk.round()
        found = (await office.raw("GET", "/events/tonight/cancellation", caller="cli")).json()
        assert (found["status"], found[outcome]) == ("done", 1)
    assert sum(refund["amount"] for refund in server.refunds.values()) == 13450
    await _agree(office, server, 1)


async def test_a_card_that_asks_for_authentication(office: BoxOffice, server: StripeStandIn) -> None:
    response = await office.act(await office.purchase(["A-2-5"], token="pm_authentication"))
    assert (response.status_code, response.json()["code"]) == (409, "payment_declined")
    assert "3-D Secure" in response.json()["detail"]
    await _agree(office, server, 0)


async def test_a_refused_capture(office: BoxOffice, server: StripeStandIn) -> None:
    server.refuse_captures = True
    response = await office.act(await office.purchase(["A-2-5"]))
    assert (response.status_code, response.json()["code"]) == (409, "payment_declined")
    await _agree(office, server, 0)
    assert [p["status"] for p in server.payments.values()] == ["canceled"]


async def test_stripe_is_away(office: BoxOffice, server: StripeStandIn) -> None:
    """Seats are found and held; a sale says that it could not be carried out, and can be made later."""
    quote = await office.purchase(["A-2-5"])
    server.down = True
    assert (await office.act(quote)).status_code == 504
    assert (await office.raw("GET", "/ready")).status_code == 200
    server.down = False
    again = await office.purchase(["A-2-6"])
    assert (await office.act(again)).status_code == 200
    await _agree(office, server, 1)

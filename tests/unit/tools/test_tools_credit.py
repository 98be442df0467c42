"""Store credit: granted instead of money, spent by itself, given back where it had paid, never overdrawn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import box_office
from books import provider_books, read_books
from mortal import Killed, Life, mortal
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import Conflict
from usher_tools.orders.payment import reconcile
from usher_tools.toolbox.service import ToolRequest, run_tool


def _catalogue() -> dict[str, Any]:
    catalogue = box_office.small_catalogue()
    terms = {
        "refund": {"until_hours_before": 2, "fees_refundable": True},
        "exchange": {"until_hours_before": 2},
        "credit": {"until_hours_before": 0},
        "upgrade": {"until_hours_before": 0},
    }
    for event in catalogue["events"]:
        event["policies"] = terms
    return catalogue


@pytest.fixture
async def office(open_box_office: Any) -> AsyncIterator[Any]:
    async with open_box_office(catalogue=_catalogue()) as opened:
        yield opened


@pytest.fixture
async def provider(tmp_path: Path, office: Any) -> AsyncIterator[SqliteDocumentStore]:
    """The provider's own books."""
    store = SqliteDocumentStore(tmp_path / "provider.db")
    yield store
    await store.close()


async def _check(office: Any, provider: SqliteDocumentStore) -> None:
    for event in ("tonight", "next-week"):
        (await read_books(office.store, provider, office.clock.now(), event)).check()


async def _balance(office: Any, customer: str = "ann") -> float:
    credits = (await office.ok("get_credit", {"customer_id": customer}, customer))["credits"]
    assert all(entry["currency"] == "USD" for entry in credits)
    return float(sum(entry["balance"] for entry in credits))


async def _grant(office: Any, seats: list[str], customer: str = "ann", event_id: str = "next-week") -> Any:
    """Credit for tickets that were bought for it."""
    order = await office.buy(seats, customer, event_id=event_id)
    response = await office.act(await office.quote("credit_order", {"order_id": order["order_id"]}, customer), customer)
    assert response.status_code == 200, response.text
    return response.json()


async def test_credit_instead_of_money(office: Any, provider: SqliteDocumentStore) -> None:
    order = await office.buy(["A-2-5", "A-2-6"])
    reason = {"reason": "ill, and 4111 1111 1111 1111 is no more"}
    quote = await office.quote("credit_order", {"order_id": order["order_id"], "seat_ids": ["A-2-6"], **reason})
    assert quote["total"] == -134.5
    assert quote["summary"].startswith("Store credit of $134.50, not money, for 1 ticket for Chicago Comets")
    done = (await office.act(quote)).json()
    assert (done["status"], done["credited"], done["balance"]) == ("partially_credited", 134.5, 134.5)
    assert await _balance(office) == 134.5
    assert await _balance(office, "bob") == 0
    view = await office.ok("get_order", {"order_id": order["order_id"]})
    assert (view["status"], view["total"]) == ("partially_credited", 134.5)
    assert "(ill, and [card number removed] is no more)" in view["history"][-1]["change"]
    (event,) = await office.published("usher.ticket_refunded.v1")
    assert (event.data["kind"], event.data["credited_minor"], event.data["refunded_minor"]) == ("credit", 13450, 13450)
    (money,) = (await provider_books(provider)).values()
    assert (money.captured, money.refunded) == (26900, 0)
    assert (await office.free())["A"] == 39
    rest = await office.act(await office.quote("credit_order", {"order_id": order["order_id"]}))
    assert (rest.json()["status"], rest.json()["balance"]) == ("credited", 269.0)
    await _check(office, provider)


async def test_credit_pays_first(office: Any, provider: SqliteDocumentStore) -> None:
    await _grant(office, ["A-2-5"])
    quote = await office.purchase(["B-A-4", "B-A-5"])
    assert (quote["credit"], quote["total"]) == (100.0, 38.1)
    assert quote["summary"].endswith("; $100.00 of it is paid with store credit")
    done = (await office.act(quote)).json()
    assert (done["total"], done["credit"]) == (138.1, 100.0)
    assert await _balance(office) == 0
    bought = {event.subject: event.data for event in await office.published("usher.ticket_purchased.v1")}
    assert (bought[done["order_id"]]["total_minor"], bought[done["order_id"]]["credit_minor"]) == (13810, 10000)
    assert sorted(money.captured for money in (await provider_books(provider)).values()) == [3810, 10000]
    await _check(office, provider)


async def test_credit_may_pay_everything(office: Any, provider: SqliteDocumentStore) -> None:
    await _grant(office, ["A-2-5"])
    await office.payments.store_method("ann", "tok_declined")  # nothing is charged, so nothing is declined
    quote = await office.purchase(["B-A-4"], event_id="next-week")
    assert (quote["credit"], quote["total"], quote["total_minor"]) == (50.0, 0.0, 0)
    done = (await office.act(quote)).json()
    assert await _balance(office) == 50
    bought = {event.subject: event.data for event in await office.published("usher.ticket_purchased.v1")}
    assert bought[done["order_id"]]["payment_id"] == "store-credit"
    await _check(office, provider)


async def test_credit_may_be_kept(office: Any) -> None:
    await _grant(office, ["A-2-5"])
    hold = await office.hold(["B-A-4"], event_id="next-week")
    quote = await office.quote("create_order", {"hold_id": hold["hold_id"], "use_credit": False})
    assert (quote["credit"], quote["total"]) == (0.0, 50.0)
    assert (await office.act(quote)).json()["credit"] == 0.0
    assert await _balance(office) == 100


async def test_a_declined_payment_gives_the_credit_back(office: Any, provider: SqliteDocumentStore) -> None:
    await _grant(office, ["A-2-5"])
    await office.payments.store_method("ann", "tok_declined")
    quote = await office.purchase(["A-2-5", "A-2-6"])
    assert quote["total"] == 169.0
    assert (await office.act(quote)).json()["code"] == "payment_declined"
    assert await _balance(office) == 100
    await _check(office, provider)
    wanted = {"order_id": (await office.buy(["B-A-1"], "ann", event_id="next-week"))["order_id"]}
    held = await office.hold(["A-3-5", "A-3-6"])
    exchange = await office.quote("exchange_order", {**wanted, "hold_id": held["hold_id"]})
    assert (exchange["credit"], exchange["total"]) == (50.0, 169.0)
    assert (await office.act(exchange)).json()["code"] == "payment_declined"
    assert await _balance(office) == 50
    await _check(office, provider)


async def test_what_credit_paid_comes_back_as_credit(office: Any, provider: SqliteDocumentStore) -> None:
    """The newest charge goes back first: money before credit, and the credit when there is no money left."""
    await _grant(office, ["A-2-5"])
    order = (await office.act(await office.purchase(["A-2-5", "A-2-6"], event_id="next-week"))).json()["order_id"]
    first = await office.quote("refund_order", {"order_id": order, "seat_ids": ["A-2-5"]})
    assert "as store credit" not in first["summary"]
    done = (await office.act(first)).json()
    assert (done["refunded"], done["credit"], await _balance(office)) == (100.0, 0.0, 0)
    second = await office.quote("refund_order", {"order_id": order})
    assert second["summary"].startswith("Refund $100.00 for 1 ticket")
    assert second["summary"].endswith("; $100.00 of it comes back as store credit")
    done = (await office.act(second)).json()
    assert (done["refunded"], done["credit"], await _balance(office)) == (100.0, 100.0, 100.0)
    await _check(office, provider)


async def test_an_exchange_spends_and_gives_credit(office: Any, provider: SqliteDocumentStore) -> None:
    await _grant(office, ["A-2-5"])
    order = (await office.buy(["B-A-1"], event_id="next-week"))["order_id"]  # 50, from the credit
    held = await office.hold(["A-3-5"])
    dearer = await office.quote("exchange_order", {"order_id": order, "hold_id": held["hold_id"]})
    assert (dearer["credit"], dearer["total"]) == (50.0, 34.5)
    done = (await office.act(dearer)).json()
    assert (done["charged"], done["credit"], await _balance(office)) == (34.5, 50.0, 0)
    await _check(office, provider)
    held = await office.hold(["B-A-2"], event_id="next-week")
    cheaper = await office.quote("exchange_order", {"order_id": done["new_order_id"], "hold_id": held["hold_id"]})
    assert (cheaper["total"], cheaper["credited"]) == (-84.5, 50.0)
    assert cheaper["summary"].endswith(
        "; what is left comes back: $34.50 as money and $50.00 as store credit, not money"
    )
    back = (await office.act(cheaper)).json()
    assert (back["refunded"], back["credited"], await _balance(office)) == (84.5, 50.0, 50.0)
    assert sorted(money.refunded for money in (await provider_books(provider)).values()) == [0, 3450]
    await _check(office, provider)


async def test_concurrent_purchases_never_overdraw(office: Any, provider: SqliteDocumentStore) -> None:
    await _grant(office, ["A-2-5"])
    quotes = [await office.purchase([f"B-A-{n}"], event_id="next-week") for n in (1, 4, 7)]
    assert [quote["credit"] for quote in quotes] == [50.0, 50.0, 50.0]
    responses = await asyncio.gather(*(office.act(quote) for quote in quotes))
    refused = [response.json()["code"] for response in responses if response.status_code != 200]
    assert refused == ["price_changed"]
    assert await _balance(office) == 0
    await _check(office, provider)


@pytest.mark.parametrize("token", ["tok_visa", "tok_declined"])
async def test_killed_at_any_step(office: Any, provider: SqliteDocumentStore, token: str) -> None:
    """The credit is spent on an order or with the customer again, whenever the process ends."""
    points, ended = 0, False
    while not ended:
        customer = f"customer-{points}"
        await _grant(office, ["A-2-5"], customer)
        await office.payments.store_method(customer, token)
        quote = await office.purchase(["A-2-5", "A-2-6"], customer)
        yes = office.confirm(quote, customer)
        request = ToolRequest(
            "create_order",
            quote["arguments"],
            "agent",
            customer_id=customer,
            idempotency_key=yes.id,
            confirmation=yes.to_header(),
        )
        try:
            await run_tool(request, mortal(office.office, Life(points)))
            ended = True
        except Conflict:
            ended = True
        except Killed:
            points += 1
        for _ in range(2):
            await reconcile(office.office)
            office.clock.advance(timedelta(seconds=301))
        await reconcile(office.office)
        await _check(office, provider)
        bought = await office.ok("list_orders", {"customer_id": customer}, customer)
        live = [order for order in bought["orders"] if order["seats"]]
        assert await _balance(office, customer) == (0 if live else 100)
        for order in live:
            back = await office.quote("refund_order", {"order_id": order["order_id"]}, customer)
            assert (await office.act(back, customer)).status_code == 200
    assert points > 5


@pytest.mark.parametrize("seed", range(3))
async def test_random_changes_at_once_keep_the_books(office: Any, provider: SqliteDocumentStore, seed: int) -> None:
    """Three customers change what they have in any order, four at a time; after each round the books add up."""
    chance, done = random.Random(seed), 0
    for _ in range(12):
        done += sum(await asyncio.gather(*(_change_something(office, chance) for _ in range(4))))
        await _check(office, provider)
    assert done > 12


async def _change_something(office: Any, chance: random.Random) -> bool:
    customer = chance.choice(["ann", "bob", "eve"])
    orders = (await office.ok("list_orders", {"customer_id": customer}, customer))["orders"]
    live = [order for order in orders if order["seats"]]
    action = chance.choice(["create_order", "exchange_order", "credit_order", "refund_order", "upgrade_tickets"])
    arguments: dict[str, Any] = {}
    if action in ("create_order", "exchange_order"):
        section, rows, seats = chance.choice([("A", "1234", 10), ("B", "AB", 8)])
        seat = f"{section}-{chance.choice(rows)}-{chance.randint(1, seats)}"
        wanted = {"event_id": chance.choice(["tonight", "next-week"]), "seat_ids": [seat]}
        held = await office.tool("hold_tickets", wanted, customer)
        if held.status_code != 200:
            return False
        arguments["hold_id"] = held.json()["hold_id"]
    if action != "create_order":
        if not live:
            return False
        order = chance.choice(live)
        arguments["order_id"] = order["order_id"]
        if action != "upgrade_tickets" and chance.random() < 0.5:
            arguments["seat_ids"] = [chance.choice(order["seats"])["id"]]
    quote = await office.tool("quote", {"action": action, "arguments": arguments}, customer)
    if quote.status_code != 200:
        return False
    response = await office.act(quote.json(), customer)
    assert response.status_code in (200, 409, 404), response.text
    return bool(response.status_code == 200)

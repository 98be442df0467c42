"""Exchanges: a new order for the old one's tickets, in one transaction, with the money of both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import box_office
from books import Books, provider_books, read_books
from mortal import Killed, Life, mortal
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_tools.orders.payment import reconcile
from usher_tools.payments.ports import PaymentUnknown
from usher_tools.toolbox.service import ToolRequest, run_tool

START = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)  # of `tonight`: 19:30 in Chicago


def _catalogue() -> dict[str, Any]:
    catalogue = box_office.small_catalogue()
    tonight, later = catalogue["events"]
    tonight["policies"] |= {
        "exchange": {"until_hours_before": 1.5, "fee_percent": 5},
        "credit": {"until_hours_before": 0},
        "in_game_upgrade": {"until_hours_after_start": 2},
    }
    later["policies"] = {
        "refund": {"until_hours_before": 2, "fees_refundable": True},
        "exchange": {"until_hours_before": 2},
    }
    catalogue["events"].append({**later, "id": "in-lisbon", "name": "Fado", "currency": "EUR"})
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


async def _check(office: Any, provider: SqliteDocumentStore) -> Books:
    """The books of both events add up."""
    (await read_books(office.store, provider, office.clock.now(), "next-week")).check()
    books = await read_books(office.store, provider, office.clock.now(), "tonight")
    books.check()
    return books


async def _wanted(office: Any, order_id: str, seats: list[str], customer: str = "ann", **more: Any) -> dict[str, Any]:
    event = more.pop("event_id", "next-week")
    hold = await office.hold(seats, customer, event)
    return {"order_id": order_id, "hold_id": hold["hold_id"], **more}


async def _exchange(office: Any, order_id: str, seats: list[str], customer: str = "ann", **more: Any) -> Any:
    quote = await office.quote("exchange_order", await _wanted(office, order_id, seats, customer, **more), customer)
    response = await office.act(quote, customer)
    assert response.status_code == 200, response.text
    return response.json()


async def _order(office: Any, order_id: str, customer: str = "ann") -> dict[str, Any]:
    view: dict[str, Any] = await office.ok("get_order", {"order_id": order_id}, customer)
    return view


async def _act(office: Any, action: str, arguments: dict[str, Any], customer: str = "ann") -> Any:
    response = await office.act(await office.quote(action, arguments, customer), customer)
    assert response.status_code == 200, response.text
    return response.json()


async def test_dearer_tickets_are_charged_the_difference(office: Any, provider: SqliteDocumentStore) -> None:
    order = await office.buy(["B-A-4", "B-A-5"])
    quote = await office.quote("exchange_order", await _wanted(office, order["order_id"], ["A-2-5", "A-2-6"]))
    # 60.50 less 5% (3.025, half to even 3.02) and 8.55 fees for each old ticket; 100 for each new one
    assert quote["total"] == pytest.approx(200 - 2 * 66.03)
    assert quote["subtotal"] + quote["fees"] + quote["taxes"] == pytest.approx(quote["total"])
    assert "counted as $132.06; for 2 tickets for Neon Harbor" in quote["summary"]
    assert quote["policy"].startswith("Exchanges for other tickets until 1.5 hours before the start")
    done = (await office.act(quote)).json()
    assert (done["order_id"], done["status"]) == (order["order_id"], "exchanged")
    assert (done["value"], done["total"], done["charged"], done["refunded"]) == (132.06, 200.0, 67.94, 0.0)
    old, new = await _order(office, order["order_id"]), await _order(office, done["new_order_id"])
    assert (old["status"], old["seats"], old["total"]) == ("exchanged", [], pytest.approx(6.04))
    assert (new["status"], [s["id"] for s in new["seats"]]) == ("confirmed", ["A-2-5", "A-2-6"])
    assert await office.free() == {"A": 40, "B": 16, "C": 5}
    assert await office.free("next-week") == {"A": 38, "B": 16}
    (refunded,) = await office.published("usher.ticket_refunded.v1")
    assert (refunded.subject, refunded.data["refunded_minor"]) == (order["order_id"], 13206)
    assert (refunded.data["kind"], refunded.data["exchanged_to"]) == ("exchange", done["new_order_id"])
    purchased = {event.subject: event.data for event in await office.published("usher.ticket_purchased.v1")}
    bought = purchased[done["new_order_id"]]
    assert (bought["total_minor"], bought["exchanged_from"]) == (20000, order["order_id"])
    await _check(office, provider)


async def test_cheaper_tickets_give_the_difference_back(office: Any, provider: SqliteDocumentStore) -> None:
    order = await office.buy(["A-2-5", "A-2-6"])
    done = await _exchange(office, order["order_id"], ["B-A-1", "B-A-2"])
    assert (done["value"], done["total"], done["refunded"], done["charged"]) == (257.0, 100.0, 157.0, 0.0)
    (money,) = (await provider_books(provider)).values()
    assert (money.captured, money.refunded) == (26900, 15700)
    await _check(office, provider)
    back = await _act(office, "refund_order", {"order_id": done["new_order_id"]})
    assert (back["refunded"], back["credit"]) == (100.0, 41.0)
    (money,) = (await provider_books(provider)).values()
    assert (money.captured, money.refunded) == (26900, 21600)  # as money, what a refund would have given
    await _check(office, provider)


async def test_other_seats_at_one_price_move_no_money(office: Any, provider: SqliteDocumentStore) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    done = await _exchange(office, order["order_id"], ["A-2-6"])
    assert (done["charged"], done["refunded"]) == (0.0, 0.0)
    assert len(await provider_books(provider)) == 1
    assert await office.free("next-week") == {"A": 39, "B": 16}
    await _check(office, provider)


async def test_a_part_of_an_order(office: Any, provider: SqliteDocumentStore) -> None:
    order = await office.buy(["B-A-4", "B-A-5", "B-A-6"])
    done = await _exchange(office, order["order_id"], ["B-B-4"], seat_ids=["B-A-6"])
    assert done["status"] == "partially_exchanged"
    old = await _order(office, order["order_id"])
    assert [seat["id"] for seat in old["seats"]] == ["B-A-4", "B-A-5"]
    missing = await office.tool(
        "quote",
        {"action": "exchange_order", "arguments": await _wanted(office, order["order_id"], ["B-B-5"], seat_ids=["X"])},
    )
    assert (missing.status_code, missing.json()["code"]) == (404, "seat_not_found")
    await _check(office, provider)


async def test_every_coin_finds_its_way_back(office: Any, provider: SqliteDocumentStore) -> None:
    """Upgraded, partly refunded, exchanged twice, partly credited, and the rest refunded: all charges are respected."""
    order = (await office.buy(["B-A-4", "B-A-5", "B-A-6"]))["order_id"]
    await _act(office, "upgrade_tickets", {"order_id": order, "target_section": "A"})
    seats = [seat["id"] for seat in (await _order(office, order))["seats"]]
    await _act(office, "refund_order", {"order_id": order, "seat_ids": seats[:1]})
    first = await _exchange(office, order, ["A-2-5"], seat_ids=seats[1:2])
    second = await _exchange(office, first["new_order_id"], ["A-3-5", "A-3-6"])
    await _act(office, "credit_order", {"order_id": order})
    await _check(office, provider)
    assert (await _order(office, first["new_order_id"]))["total"] == 0.0
    await _act(office, "refund_order", {"order_id": second["new_order_id"], "seat_ids": ["A-3-5"]})
    await _act(office, "refund_order", {"order_id": second["new_order_id"]})
    books = await _check(office, provider)
    assert not books.sold
    assert all(not order.seats for order in books.orders.values())


async def test_a_declined_difference_keeps_everything(office: Any, provider: SqliteDocumentStore) -> None:
    order = await office.buy(["B-A-4"])
    wanted = await _wanted(office, order["order_id"], ["A-2-5"])
    await office.payments.store_method("ann", "tok_declined")
    response = await office.act(await office.quote("exchange_order", wanted))
    assert (response.status_code, response.json()["code"]) == (409, "payment_declined")
    assert [seat["id"] for seat in (await _order(office, order["order_id"]))["seats"]] == ["B-A-4"]
    await _check(office, provider)
    await office.payments.store_method("ann", "tok_visa")
    assert (await _act(office, "exchange_order", wanted))["status"] == "exchanged"  # the hold is still good
    await _check(office, provider)


async def test_what_an_exchange_refuses(office: Any) -> None:
    order = (await office.buy(["B-A-4"]))["order_id"]
    held = await office.hold(["A-2-5"], "bob", "next-week")
    for arguments, code in (
        ({"order_id": order, "hold_id": held["hold_id"]}, "hold_not_found"),
        ({"order_id": "ORD_none", "hold_id": held["hold_id"]}, "order_not_found"),
        (await _wanted(office, order, ["A-2-6"], event_id="in-lisbon"), "other_currency"),
    ):
        response = await office.tool("quote", {"action": "exchange_order", "arguments": arguments})
        assert response.json()["code"] == code
    wanted = await _wanted(office, order, ["A-2-6"])
    quote = await office.quote("exchange_order", wanted)
    office.clock.advance(timedelta(minutes=31))
    assert (await office.act(quote)).json()["code"] in ("quote_expired", "hold_expired")


@pytest.mark.parametrize(
    ("action", "offset"),
    [
        ("exchange_order", timedelta(hours=-1.5)),
        ("credit_order", timedelta()),
        ("refund_order", timedelta(hours=-2)),
        ("upgrade_tickets", timedelta(hours=-1)),
        ("upgrade_tickets", timedelta(hours=2)),
    ],
)
async def test_windows_to_the_second(office: Any, action: str, offset: timedelta) -> None:
    order = (await office.buy(["B-A-4"]))["order_id"]
    for seconds, status in ((-1, 200), (0, 200), (1, 409)):
        office.clock.advance(START + offset + timedelta(seconds=seconds) - office.clock.now())
        arguments = {"order_id": order}
        if action == "exchange_order":
            arguments = await _wanted(office, order, ["A-2-5"])
        response = await office.tool("quote", {"action": action, "arguments": arguments})
        assert response.status_code == status, response.text
        if status == 409:
            assert response.json()["code"] == "outside_policy"
            assert response.json()["ticket_id"].startswith("SUP_")


async def test_everything_at_once_is_one_thing(office: Any, provider: SqliteDocumentStore) -> None:
    """Refund, exchange, credit and upgrade of the same tickets: one of them happens, and the capture covers it."""
    for turn in range(4):
        order = (await office.buy(["B-A-4", "B-A-5"]))["order_id"]
        wanted = await _wanted(office, order, ["A-2-1", "A-2-2"], use_credit=False)
        quotes = [
            await office.quote("refund_order", {"order_id": order, "seat_ids": ["B-A-4"]}),
            await office.quote("refund_order", {"order_id": order}),
            await office.quote("exchange_order", wanted),
            await office.quote("credit_order", {"order_id": order}),
            await office.quote("upgrade_tickets", {"order_id": order, "target_section": "A"}),
        ]
        turned = quotes[turn:] + quotes[:turn]
        responses = await asyncio.gather(*(office.act(quote) for quote in turned))
        done = [response for response in responses if response.status_code == 200]
        assert len(done) == 1
        codes = {r.json()["code"] for r in responses if r.status_code != 200}
        assert codes <= {"order_busy", "order_refunded", "seat_not_found", "price_changed"}
        await _check(office, provider)
        await office.tool("release_hold", {"hold_id": wanted["hold_id"]})
        await _leave(office, "ann")


async def _leave(office: Any, customer: str) -> None:
    """Give every ticket back, so that the next one finds the house empty."""
    for order in (await office.ok("list_orders", {"customer_id": customer}, customer))["orders"]:
        if order["seats"]:
            await _act(office, "refund_order", {"order_id": order["order_id"]}, customer)


class _RefundsInSilence:
    """Refunds are made, but the answer of the first is lost."""

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


async def test_a_difference_that_is_owed_is_given_back_once(open_box_office: Any, tmp_path: Path) -> None:
    async with open_box_office(wrap=_RefundsInSilence, catalogue=_catalogue()) as office:
        provider = SqliteDocumentStore(tmp_path / "provider.db")
        order = await office.buy(["A-2-5"])
        done = await _exchange(office, order["order_id"], ["B-A-1"])
        assert done["refunded"] == 78.5
        assert (await _order(office, done["new_order_id"]))["total"] == 50.0
        assert await reconcile(office.office) == 1
        assert await reconcile(office.office) == 0
        assert office.payments.asked == 2
        (money,) = (await provider_books(provider)).values()
        assert money.refunded == 7850
        await _check(office, provider)
        await provider.close()


@pytest.mark.parametrize("new_seats", [["A-2-5"], ["B-B-1"]], ids=["dearer", "cheaper"])
@pytest.mark.parametrize("retried", [True, False], ids=["retried", "reconciled"])
async def test_killed_at_any_step(
    office: Any, provider: SqliteDocumentStore, new_seats: list[str], retried: bool
) -> None:
    """The old tickets or the new ones, never none and never both; and the money of exactly that."""
    lived, points = None, 0
    ends = set()
    while lived is None or points < lived:
        customer = f"customer-{points}"
        order = (await office.buy(["C-X-1"], customer))["order_id"]
        quote = await office.quote("exchange_order", await _wanted(office, order, new_seats, customer), customer)
        yes = office.confirm(quote, customer)
        request = ToolRequest(
            "exchange_order",
            quote["arguments"],
            "agent",
            customer_id=customer,
            idempotency_key=yes.id,
            confirmation=yes.to_header(),
        )
        life = Life(None if lived is None else points)
        if lived is None:
            await run_tool(request, mortal(office.office, life))
            lived = life.lived
        else:
            with pytest.raises(Killed):
                await run_tool(request, mortal(office.office, life))
            if retried:
                office.clock.advance(timedelta(seconds=9))
                assert (await run_tool(request, office.office)).body["status"] == "exchanged"
            office.clock.advance(timedelta(seconds=301))
            await reconcile(office.office)
            points += 1
        books = await _check(office, provider)
        live = [o for o in books.orders.values() if o.customer_id == customer and o.seats]
        assert [len(o.seats) for o in live] == [1], f"killed after {points} points"
        ends.add(live[0].event_id)
        await _leave(office, customer)
    assert ends == ({"next-week"} if retried else {"tonight", "next-week"})

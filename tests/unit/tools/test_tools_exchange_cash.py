"""An exchange is no way around a refund: what of it may ever come back as money, and what as store credit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import box_office
from books import provider_books, read_books
from usher_shared.documents.sqlite import SqliteDocumentStore

EXCHANGE = {"until_hours_before": 1}
GENEROUS = {
    "refund": {"until_hours_before": 2, "fees_refundable": True},
    "exchange": EXCHANGE,
    "credit": EXCHANGE,
}


def _catalogue(policies: Mapping[str, Any]) -> dict[str, Any]:
    """`tonight` with those policies and no fees; `next-week` gives everything back and has seats for one dollar."""
    catalogue = box_office.small_catalogue()
    tonight, later = catalogue["events"]
    tonight |= {"policies": dict(policies), "fees": {}}
    later |= {"policies": GENEROUS, "prices": {"A": 100, "B": 1}}
    return catalogue


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[SqliteDocumentStore]:
    """The provider's own books."""
    store = SqliteDocumentStore(tmp_path / "provider.db")
    yield store
    await store.close()


async def _check(office: Any, provider: SqliteDocumentStore) -> None:
    for event in ("tonight", "next-week"):
        (await read_books(office.store, provider, office.clock.now(), event)).check()


async def _given_back(provider: SqliteDocumentStore) -> int:
    """At the provider, minor units."""
    return sum(money.refunded for money in (await provider_books(provider)).values())


async def _balance(office: Any) -> float:
    credits = (await office.ok("get_credit", {"customer_id": "ann"}))["credits"]
    return float(sum(entry["balance"] for entry in credits))


async def _act(office: Any, action: str, **arguments: Any) -> Any:
    response = await office.act(await office.quote(action, arguments))
    assert response.status_code == 200, response.text
    return response.json()


async def _quote(office: Any, order_id: str, seats: list[str], event_id: str = "next-week", **more: Any) -> Any:
    hold = await office.hold(seats, event_id=event_id)
    wanted = {"order_id": order_id, "hold_id": hold["hold_id"], "use_credit": False, **more}
    return await office.quote("exchange_order", wanted)


async def _exchange(office: Any, order_id: str, seats: list[str], event_id: str = "next-week", **more: Any) -> Any:
    response = await office.act(await _quote(office, order_id, seats, event_id, **more))
    assert response.status_code == 200, response.text
    return response.json()


async def test_tickets_without_refunds_become_credit_not_money(
    open_box_office: Any, provider: SqliteDocumentStore
) -> None:
    async with open_box_office(catalogue=_catalogue({"exchange": EXCHANGE})) as office:
        order = (await office.buy(["A-2-5", "A-2-6"]))["order_id"]
        refused = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": order}})
        assert refused.json()["code"] == "outside_policy"
        quote = await _quote(office, order, ["B-A-1"])
        assert quote["summary"].endswith("; what is left comes back: $239.00 as store credit, not money")
        assert (quote["total"], quote["credited"]) == (-239.0, 239.0)
        done = (await office.act(quote)).json()
        assert (done["refunded"], done["credited"], await _balance(office)) == (239.0, 239.0, 239.0)
        (told,) = await office.published("usher.ticket_refunded.v1")
        assert (told.data["refunded_minor"], told.data["credited_minor"]) == (24000, 23900)
        await _check(office, provider)
        back = await office.quote("refund_order", {"order_id": done["new_order_id"]})
        assert back["summary"].endswith("; $1.00 of it comes back as store credit")
        assert (await office.act(back)).json()["credit"] == 1.0
        assert (await _given_back(provider), await _balance(office)) == (0, 240.0)
        await _check(office, provider)


async def test_its_origin_follows_a_ticket_through_exchanges(
    open_box_office: Any, provider: SqliteDocumentStore
) -> None:
    async with open_box_office(catalogue=_catalogue({"exchange": EXCHANGE})) as office:
        order = (await office.buy(["B-A-4"]))["order_id"]  # 60.50
        first = (await _exchange(office, order, ["A-2-5"]))["new_order_id"]  # 39.50 more
        second = (await _exchange(office, first, ["A-2-7"]))["new_order_id"]
        third = await _exchange(office, second, ["B-A-1"])
        # the money that was added may go back, the rest of the 99.00 is credit
        assert (third["refunded"], third["credited"]) == (99.0, 59.5)
        done = await _act(office, "refund_order", order_id=third["new_order_id"])
        assert (done["refunded"], done["credit"]) == (1.0, 1.0)
        assert (await _given_back(provider), await _balance(office)) == (3950, 60.5)
        await _check(office, provider)


@pytest.mark.parametrize(
    ("cheap", "left"), [(["B-A-1"], 1.0), (["A-2-5"], 100.0)], ids=["difference first", "hardly any"]
)
async def test_no_more_as_money_than_a_refund_would_give(
    open_box_office: Any, provider: SqliteDocumentStore, cheap: list[str], left: float
) -> None:
    """The fee of a refund is not saved by exchanging first."""
    policies = {"refund": {"until_hours_before": 2, "fee_percent": 50}, "exchange": EXCHANGE}
    async with open_box_office(catalogue=_catalogue(policies)) as office:
        order = (await office.buy(["A-2-5"]))["order_id"]
        done = await _exchange(office, order, cheap)
        assert done["refunded"] - done["credited"] == min(120.0 - left, 60.0)
        await _act(office, "refund_order", order_id=done["new_order_id"])
        assert (await _given_back(provider), await _balance(office)) == (6000, 60.0)
        await _check(office, provider)


async def test_credit_may_be_told_from_money_until_the_yes_only(
    open_box_office: Any, provider: SqliteDocumentStore
) -> None:
    """The window for refunds closes between quote and yes: the same total would be something else."""
    policies = {"refund": {"until_hours_before": 2}, "exchange": EXCHANGE}
    async with open_box_office(catalogue=_catalogue(policies)) as office:
        order = (await office.buy(["A-2-5"]))["order_id"]
        starts = timedelta(hours=7, minutes=30)  # from the clock's first moment
        office.clock.advance(starts - timedelta(hours=2, minutes=1))
        quote = await _quote(office, order, ["B-A-1"])
        assert (quote["total"], quote["credited"]) == (-119.0, 0.0)
        office.clock.advance(timedelta(minutes=2))
        response = await office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "price_changed")
        again = await office.quote("exchange_order", quote["arguments"])
        assert (again["total"], again["credited"]) == (-119.0, 119.0)
        await _check(office, provider)


async def test_that_the_new_tickets_are_not_refundable_is_part_of_the_yes(open_box_office: Any) -> None:
    """For the same price nothing comes back now, but what the new tickets give back later is something else."""
    policies = {"refund": {"until_hours_before": 2}, "exchange": EXCHANGE}
    catalogue = _catalogue(policies)
    catalogue["events"][1]["prices"]["A"] = 120
    async with open_box_office(catalogue=catalogue) as office:
        order = (await office.buy(["A-2-5"]))["order_id"]
        office.clock.advance(timedelta(hours=5, minutes=29))
        quote = await _quote(office, order, ["A-2-6"])
        assert (quote["total"], "store credit" in quote["policy"]) == (0.0, False)
        office.clock.advance(timedelta(minutes=2))  # the window for refunds has closed
        assert (await office.act(quote)).json()["code"] == "price_changed"
        again = await office.quote("exchange_order", quote["arguments"])
        assert again["policy"].endswith("$120.00 of it would come back as store credit alone, not as money.")
        assert (await office.act(again)).status_code == 200


async def test_a_cancelled_event_gives_all_of_it_back_as_money(
    open_box_office: Any, provider: SqliteDocumentStore
) -> None:
    async with open_box_office(catalogue=_catalogue({"exchange": EXCHANGE})) as office:
        order = (await office.buy(["A-2-5"]))["order_id"]
        new = (await _exchange(office, order, ["A-2-5"]))["new_order_id"]
        await office.raw("POST", "/events/next-week/cancel", caller="cli", json={"reason": "storm"})
        await office.app.state.cancellations.round()
        assert (await office.ok("get_order", {"order_id": new}))["status"] == "refunded"
        assert (await _given_back(provider), await _balance(office)) == (10000, 20.0)
        await _check(office, provider)


class _Interrupted:
    """Something happens while the provider captures."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.meanwhile: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def capture(self, **wanted: Any) -> Any:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await self._inner.capture(**wanted)


async def test_the_old_event_is_cancelled_meanwhile(open_box_office: Any, provider: SqliteDocumentStore) -> None:
    """The exchange is called off: its fee is not kept of what the cancellation gives back in full."""
    policies = {"exchange": {"until_hours_before": 1, "fee_percent": 50}}
    async with open_box_office(wrap=_Interrupted, catalogue=_catalogue(policies)) as office:
        order = (await office.buy(["A-2-5"]))["order_id"]
        quote = await _quote(office, order, ["A-2-5"])
        assert quote["total"] == 40.0

        async def cancel() -> None:
            office.payments.meanwhile = None
            await office.raw("POST", "/events/tonight/cancel", caller="cli", json={"reason": "storm"})

        office.payments.meanwhile = cancel
        response = await office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "event_cancelled")
        await office.app.state.cancellations.round()
        view = await office.ok("get_order", {"order_id": order})
        assert (view["status"], view["total"]) == ("refunded", 0.0)
        assert await _given_back(provider) == 12000 + 4000
        late = await office.tool("quote", {"action": "exchange_order", "arguments": quote["arguments"]})
        assert late.json()["code"] in ("event_cancelled", "order_refunded")
        await _check(office, provider)

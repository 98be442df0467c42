"""Cancelling an event: no sale from then on, and everybody's money back in full, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from usher_shared.documents import Query
from usher_tools.cancellations.service import CancellationDesk
from usher_tools.orders.payment import reconcile
from usher_tools.payments.ports import PaymentUnknown, RefundRefused
from usher_tools.settings import Settings

BY_HAND = Settings(reconcile_seconds=3600)  # the job looks when it is woken, and not again by itself


async def _cancel(office: Any, event_id: str = "tonight", reason: str = "The hall is flooded.") -> dict[str, Any]:
    response = await office.raw("POST", f"/events/{event_id}/cancel", caller="cli", json={"reason": reason})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def _progress(office: Any, event_id: str = "tonight") -> dict[str, Any]:
    response = await office.raw("GET", f"/events/{event_id}/cancellation", caller="cli")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def _finish(office: Any, event_id: str = "tonight", rounds: int = 5) -> dict[str, Any]:
    """Rounds by hand until it is done, beside those of the application."""
    desk = CancellationDesk(office.office)
    for _ in range(rounds):
        await desk.round()
        found = await _progress(office, event_id)
        if found["status"] == "done":
            return found
        office.clock.advance(timedelta(minutes=5))
    return await _progress(office, event_id)


async def _provider(office: Any) -> tuple[Counter[str], Counter[str]]:
    """At the provider, by charge: captured and refunded, minor units."""
    payments = office.payments
    while hasattr(payments, "inner"):
        payments = payments.inner
    charges = await payments._store.query(Query("sandbox_charges", limit=500))
    captured: Counter[str] = Counter()
    for document in charges.documents:
        if document.data["outcome"] == "captured":
            captured[document.data["charge_id"]] += document.data["amount_minor"]
    refunds = await payments._store.query(Query("sandbox_refunds", limit=500))
    refunded: Counter[str] = Counter()
    for document in refunds.documents:
        refunded[document.data["charge_id"]] += document.data["amount_minor"]
    return captured, refunded


class Unwilling:
    """A provider whose refunds fail as a test wants: `fail` is asked before each."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.fail: Any = lambda key: None
        self.after: Any = lambda key: None
        self.keys: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def refund(self, **arguments: Any) -> Any:
        key = arguments["idempotency_key"]
        self.keys.append(key)
        before = self.fail(key)
        if before is not None:
            raise before
        done = await self.inner.refund(**arguments)
        after = self.after(key)
        if after is not None:
            raise after
        return done


async def test_everybody_gets_everything_back(office: Any) -> None:
    orders = [
        (await office.buy([f"A-2-{number}"], customer))["order_id"]
        for number, customer in enumerate(("ann", "bob", "cem", "dee"), 2)
    ]
    other = await office.buy(["A-2-5"], "eve", event_id="next-week")
    started = await _cancel(office)
    assert (started["status"], started["reason"]) == ("running", "The hall is flooded.")
    done = await _finish(office)
    assert done["status"] == "done"
    # 134.50 each: fees are given back too
    assert (done["orders"], done["refunded"], done["pending"], done["failed"]) == (4, 4, 0, 0)
    assert (done["refunded_amount"], done["pending_amount"], done["currency"]) == (538.0, 0.0, "USD")
    captured, refunded = await _provider(office)
    assert sum(refunded.values()) == 4 * 13450
    assert all(captured[charge] == amount for charge, amount in refunded.items())
    for id, customer in zip(orders, ("ann", "bob", "cem", "dee"), strict=True):
        view = await office.ok("get_order", {"order_id": id}, customer)
        assert (view["status"], view["seats"], view["total"]) == ("refunded", [], 0.0)
        assert "The hall is flooded." in view["history"][-1]["change"]
    assert (await office.ok("get_order", {"order_id": other["order_id"]}, "eve"))["status"] == "confirmed"
    events = await office.published("usher.ticket_refunded.v1")
    assert sorted(event.data["order_id"] for event in events) == sorted(orders)
    assert await office.free() == {"A": 40, "B": 16, "C": 5}


async def test_nothing_is_sold_from_then_on(office: Any) -> None:
    id = (await office.buy(["B-A-4"]))["order_id"]
    hold = await office.hold(["A-2-5"], "bob")
    quote = await office.quote("create_order", {"hold_id": hold["hold_id"]}, "bob")
    upgrade = await office.quote("upgrade_tickets", {"order_id": id, "target_section": "A"})
    await _cancel(office)
    for response in (
        await office.act(quote, "bob"),
        await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-3-5"]}, "cem"),
        await office.tool("check_inventory", {"event_id": "tonight", "quantity": 1}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "event_cancelled")
    assert (await office.act(upgrade)).status_code == 409
    done = await _finish(office)
    assert (done["status"], done["refunded"]) == ("done", 1)
    captured, refunded = await _provider(office)
    assert captured == refunded


async def test_it_can_be_asked_for_again_and_no_import_undoes_it(office: Any, small_catalogue: Any) -> None:
    await office.buy(["A-2-5"])
    first = await _cancel(office)
    again = await _cancel(office, reason="Another reason")
    assert (again["reason"], again["requested_at"]) == (first["reason"], first["requested_at"])
    done = await _finish(office)
    assert (await _cancel(office)) == done
    response = await office.raw("POST", "/catalogue", caller="cli", json=small_catalogue())
    assert response.status_code == 200
    info = await office.ok("get_event_info", {"event_id": "tonight"})
    assert info["status"] == "cancelled"


async def test_who_may_and_what_there_is(office: Any) -> None:
    wanted = {"json": {"reason": "x"}}
    for caller in ("agent", "gateway"):
        assert (await office.raw("POST", "/events/tonight/cancel", caller=caller, **wanted)).status_code == 403
        assert (await office.raw("GET", "/events/tonight/cancellation", caller=caller)).status_code == 403
    response = await office.raw("GET", "/events/tonight/cancellation", caller="cli")
    assert (response.status_code, response.json()["code"]) == (404, "cancellation_not_found")
    response = await office.raw("POST", "/events/none/cancel", caller="cli", **wanted)
    assert (response.status_code, response.json()["code"]) == (404, "event_not_found")
    assert (await office.raw("POST", "/events/tonight/cancel", caller="cli", json={"reason": " "})).status_code == 422
    info = await office.ok("get_event_info", {"event_id": "tonight"})
    assert info["status"] == "on_sale"


async def test_an_event_without_orders_is_done_at_once(office: Any) -> None:
    await _cancel(office)
    assert (await _finish(office))["orders"] == 0


async def test_what_was_given_back_before_is_not_given_back_again(office: Any) -> None:
    whole = (await office.buy(["A-2-5"], "ann"))["order_id"]
    part = (await office.buy(["A-3-5", "A-3-6"], "bob"))["order_id"]
    assert (await office.act(await office.quote("refund_order", {"order_id": whole}))).status_code == 200
    quote = await office.quote("refund_order", {"order_id": part, "seat_ids": ["A-3-5"]}, "bob")
    assert (await office.act(quote, "bob")).status_code == 200
    await _cancel(office)
    done = await _finish(office)
    assert (done["orders"], done["refunded"], done["given_back_before"]) == (1, 1, 1)
    # of bob's second seat everything, of the first what the policy gave
    _, refunded = await _provider(office)
    assert sorted(refunded.values()) == [10800, 10800 + 13450]


async def test_an_outage_of_the_provider_delays_and_doubles_nothing(open_box_office: Any) -> None:
    async with open_box_office(wrap=Unwilling, settings=BY_HAND) as office:
        for number in range(2, 8):
            await office.buy([f"A-2-{number}"], f"c{number}")
        lost = set()

        def lose_the_answer(key: str) -> Exception | None:
            if key in lost:
                return None
            lost.add(key)
            return PaymentUnknown("the answer was lost")

        office.payments.after = lose_the_answer
        await _cancel(office)
        desk = CancellationDesk(office.office)
        office.clock.advance(timedelta(minutes=5))
        await desk.round()
        found = await _progress(office)
        assert (found["status"], found["pending"]) == ("running", found["orders"])
        office.payments.fail = lambda key: PaymentUnknown("down")
        await desk.round()
        assert (await _progress(office))["pending"] == 6
        office.payments.fail = lambda key: None
        done = await _finish(office)
        assert (done["status"], done["refunded"], done["pending"]) == ("done", 6, 0)
        captured, refunded = await _provider(office)
        assert captured == refunded
        assert len(await office.published("usher.ticket_refunded.v1")) == 6


async def test_a_refused_refund_is_shown_and_tried_again_on_request(open_box_office: Any) -> None:
    async with open_box_office(wrap=Unwilling, settings=BY_HAND) as office:
        id = (await office.buy(["A-2-5"], "ann"))["order_id"]
        await office.buy(["A-3-5"], "bob")
        key = f"cancel:tonight:{id}:0"
        office.payments.fail = lambda asked: RefundRefused("disputed") if asked == key else None
        await _cancel(office)
        done = await _finish(office)
        assert (done["status"], done["refunded"], done["failed"], done["failed_amount"]) == ("done", 1, 1, 134.5)
        tried = office.payments.keys.count(key)
        await CancellationDesk(office.office).round()
        assert office.payments.keys.count(key) == tried, "not without being asked"
        assert (await office.ok("get_order", {"order_id": id}))["status"] == "confirmed"
        office.payments.fail = lambda asked: None
        assert (await _cancel(office))["status"] == "running"
        done = await _finish(office)
        assert (done["status"], done["refunded"], done["failed"]) == ("done", 2, 0)
        captured, refunded = await _provider(office)
        assert captured == refunded


async def test_an_order_that_is_being_changed_waits(open_box_office: Any) -> None:
    """A customer's own refund of one seat is under way, and the provider is silent about it."""
    async with open_box_office(wrap=Unwilling, settings=BY_HAND) as office:
        id = (await office.buy(["A-2-5", "A-2-6"]))["order_id"]
        quote = await office.quote("refund_order", {"order_id": id, "seat_ids": ["A-2-5"]})
        office.payments.fail = lambda key: PaymentUnknown("down")
        assert (await office.act(quote)).status_code == 504
        office.payments.fail = lambda key: None
        await _cancel(office)
        desk = CancellationDesk(office.office)
        office.clock.advance(timedelta(minutes=5))
        await desk.round()
        found = await _progress(office)
        assert (found["pending"], found["payments_under_way"]) == (1, 1)
        await reconcile(office.office)
        done = await _finish(office)
        assert (done["status"], done["refunded"]) == ("done", 1)
        _, refunded = await _provider(office)
        assert sum(refunded.values()) == 10800 + 13450


async def test_a_payment_under_way_is_called_off_or_given_back(open_box_office: Any) -> None:
    """The event is cancelled after the provider took the money, before the sale was written."""

    class Slow(Unwilling):
        async def capture(self, **arguments: Any) -> Any:
            charge = await self.inner.capture(**arguments)
            await _cancel(self.office)
            return charge

    async with open_box_office(wrap=Slow, settings=BY_HAND) as office:
        office.payments.office = office
        quote = await office.purchase(["A-2-5"])
        response = await office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "event_cancelled")
        assert (await office.ok("list_orders", {"customer_id": "ann"}))["orders"] == []
        done = await _finish(office)
        assert (done["status"], done["orders"]) == ("done", 0)
        captured, refunded = await _provider(office)
        assert (sum(captured.values()), captured) == (13450, refunded)


@pytest.mark.parametrize("lapsing", [False, True], ids=["one lease", "a lease that lapses at once"])
async def test_two_workers_at_once(open_box_office: Any, lapsing: bool) -> None:
    """Two processes' jobs on the same documents; where the lease lapses all the time, both really refund."""
    async with open_box_office(wrap=Unwilling, settings=BY_HAND) as office, open_box_office(settings=BY_HAND) as second:
        for number in range(1, 9):
            await office.buy([f"A-2-{number}"], f"c{number}")
        await office.act(await office.purchase(["A-3-5"], "zoe"), "zoe")
        desks = [CancellationDesk(office.office), CancellationDesk(second.office), CancellationDesk(office.office)]
        if lapsing:

            def hurry(_: str) -> None:
                for each in (office, second):
                    each.clock.advance(timedelta(minutes=2))

            office.payments.fail = hurry
        await _cancel(office)
        for _ in range(6):
            await asyncio.gather(*(desk.round() for desk in desks))
            if (await _progress(office))["status"] == "done":
                break
            for each in (office, second):
                each.clock.advance(timedelta(minutes=5))
        done = await _progress(office)
        assert (done["status"], done["orders"], done["refunded"]) == ("done", 9, 9)
        assert done["refunded_amount"] == 9 * 134.5
        captured, refunded = await _provider(office)
        assert captured == refunded
        together = [*(await office.published("usher.ticket_refunded.v1")), *second.bus.events]
        refunds = {event.id: event.data["order_id"] for event in together if event.type == "usher.ticket_refunded.v1"}
        assert len(refunds) == len(set(refunds.values())) == 9


async def test_a_worker_that_stopped_is_replaced(open_box_office: Any) -> None:
    async with open_box_office(wrap=Unwilling, settings=BY_HAND) as office:
        for number in range(1, 6):
            await office.buy([f"A-2-{number}"], f"c{number}")
        office.payments.fail = lambda key: PaymentUnknown("down")
        await _cancel(office)
        first, other = CancellationDesk(office.office), CancellationDesk(office.office)
        office.clock.advance(timedelta(minutes=5))
        await first.round()
        office.payments.fail = lambda key: None
        before = len(office.payments.keys)
        await other.round()
        assert len(office.payments.keys) == before, "the lease is the first's"
        office.clock.advance(timedelta(minutes=5))
        await other.round()
        assert (await _progress(office))["status"] == "done"
        captured, refunded = await _provider(office)
        assert captured == refunded

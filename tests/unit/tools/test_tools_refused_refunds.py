"""Refunds that the provider refuses for good, and faults that only one order has: everything else goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from books import provider_books
from box_office import small_catalogue
from usher_shared.documents import Filter, Query
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import UpstreamFailed
from usher_tools.cancellations.service import CancellationDesk
from usher_tools.orders.payment import reconcile
from usher_tools.payments.ports import RefundExceedsCharge, RefundRefused
from usher_tools.settings import Settings

BY_HAND = Settings(reconcile_seconds=3600)  # the jobs look when a test lets them
DISPUTED = "ann-refund-refused"  # her charges are disputed: the sandbox refuses to refund them


class Wrapped:
    """A provider that a test changes in one place."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Refusing(Wrapped):
    """`refuses` says for which refunds it raises, and what."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.refuses: Any = lambda wanted: None

    async def refund(self, **wanted: Any) -> Any:
        error = self.refuses(wanted)
        if error is not None:
            raise error
        return await self.inner.refund(**wanted)


async def _tickets(office: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await office.raw("GET", "/support-tickets", caller="cli")).json()["tickets"]
    return found


async def _cancel(office: Any, event_id: str = "tonight") -> None:
    wanted = {"json": {"reason": "The hall is flooded."}}
    assert (await office.raw("POST", f"/events/{event_id}/cancel", caller="cli", **wanted)).status_code == 200


async def _rounds(office: Any, event_id: str = "tonight") -> dict[str, Any]:
    desk = CancellationDesk(office.office)
    for _ in range(3):
        await desk.round()
        office.clock.advance(timedelta(minutes=5))
    found: dict[str, Any] = (await office.raw("GET", f"/events/{event_id}/cancellation", caller="cli")).json()
    return found


async def test_a_refund_of_a_disputed_charge_ends(office: Any) -> None:
    order = await office.buy(["A-2-5"], DISPUTED)
    wanted = {"order_id": order["order_id"]}
    quote = await office.quote("refund_order", wanted, DISPUTED)
    yes = office.confirm(quote, DISPUTED)
    for _ in range(2):
        refused = await office.act(quote, DISPUTED, yes=yes)
        assert (refused.status_code, refused.json()["code"]) == (409, "refund_refused")
    assert await reconcile(office.office) == 0
    view = await office.ok("get_order", wanted, DISPUTED)
    assert (view["status"], view["total"], len(view["seats"])) == ("confirmed", order["total"], 1)
    (ticket,) = await _tickets(office)
    assert (ticket["order_id"], ticket["subject"]) == (wanted["order_id"], "A refund that the payment provider refused")
    again = await office.tool("quote", {"action": "refund_order", "arguments": wanted}, DISPUTED)
    assert again.status_code == 200, "the order is not busy"


async def test_a_charge_that_the_provider_does_not_have_is_refused(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    stored = await office.store.get("orders", order["order_id"])
    stored["payments"][0]["charge_id"] = "CHG_of_another_account"
    await office.store.set("orders", order["order_id"], stored)
    refused = await office.act(await office.quote("refund_order", {"order_id": order["order_id"]}))
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_refused")
    assert (await reconcile(office.office), len(await _tickets(office))) == (0, 1)


async def test_a_charge_that_cannot_be_returned_ends_with_a_person(open_box_office: Any) -> None:
    """The event is cancelled after the money was taken, and the provider refuses to give it back."""

    class Slow(Wrapped):
        office: Any = None

        async def capture(self, **wanted: Any) -> Any:
            charge = await self.inner.capture(**wanted)
            await _cancel(self.office)
            return charge

    async with open_box_office(wrap=Slow, settings=BY_HAND) as office:
        office.payments.office = office
        response = await office.act(await office.purchase(["A-2-5"], DISPUTED), DISPUTED)
        assert (response.status_code, response.json()["code"]) == (409, "refund_refused")
        assert "the charge could not be given back yet" in response.json()["detail"]
        assert await reconcile(office.office) == 0
        (ticket,) = await _tickets(office)
        assert "$134.50 should have gone back, $0.00 did" in ticket["details"]
        assert (await _rounds(office))["status"] == "done"


async def test_one_fault_leaves_the_other_payments_to_be_reconciled(open_box_office: Any) -> None:
    class Faulty(Wrapped):
        async def find(self, key: str, *, customer_id: str, **more: Any) -> Any:
            if customer_id.startswith("eve"):
                raise ValueError("a fault of the adapter")
            return await self.inner.find(key, customer_id=customer_id, **more)

    async with open_box_office(wrap=Faulty, settings=BY_HAND) as office:
        unreadable = {"open": True, "created_at": "2020-01-01T00:00:00.000000Z", "status": "charging"}
        await office.store.set("payment_intents", "unreadable", unreadable)
        quote = await office.purchase(["A-2-5"], "eve-timeout-before")
        assert (await office.act(quote, "eve-timeout-before")).status_code == 500
        office.clock.advance(timedelta(seconds=1))
        quote = await office.purchase(["A-2-7"], "bob-capture-timeout")
        await office.act(quote, "bob-capture-timeout")
        quote = await office.purchase(["A-3-7"], "cem-timeout-before")
        assert (await office.act(quote, "cem-timeout-before")).status_code == 504
        office.clock.advance(timedelta(hours=1))

        assert await reconcile(office.office) == 3

        page = await office.store.query(Query("payment_intents", (Filter("open", "==", True),), limit=10))
        assert sorted(found.data.get("customer_id", "") for found in page.documents) == ["", "eve-timeout-before"]


async def test_one_fault_leaves_the_other_refunds_of_a_cancelled_event(open_box_office: Any) -> None:
    async with open_box_office(wrap=Refusing, settings=BY_HAND) as office:
        first = (await office.buy(["A-2-5"], "ann"))["order_id"]
        for number in range(6, 9):
            await office.buy([f"A-2-{number}"], f"c{number}")
        key = f"cancel:tonight:{first}:0"
        office.payments.refuses = lambda wanted: ValueError("ours") if wanted["idempotency_key"] == key else None
        await _cancel(office)
        found = await _rounds(office)
        assert (found["status"], found["refunded"], found["pending"]) == ("running", 3, 1)
        office.payments.refuses = lambda wanted: None
        found = await _rounds(office)
        assert (found["status"], found["refunded"], found["pending"]) == ("done", 4, 0)


async def test_trying_again_gives_no_more_than_what_is_left(
    open_box_office: Any, small_catalogue: Any, tmp_path: Any
) -> None:
    """Refused for a cancelled event, then given back in part at the customer's wish: the rest is not given twice."""
    catalogue = small_catalogue()
    tonight, later = catalogue["events"]
    for event in (tonight, later):
        event["policies"] = {
            "exchange": {"until_hours_before": 1, "fees_refundable": True},
            "refund": {"until_hours_before": 1, "fees_refundable": True},
        }
    async with open_box_office(wrap=Refusing, settings=BY_HAND, catalogue=catalogue) as office:
        bought = await office.buy(["B-A-1"], event_id="next-week")  # $50
        hold = await office.hold(["A-2-1", "A-2-2"], "ann", "next-week")  # $200
        wanted = {"order_id": bought["order_id"], "hold_id": hold["hold_id"]}
        second = (await office.act(await office.quote("exchange_order", wanted))).json()["new_order_id"]
        hold = await office.hold(["A-3-1"], "ann", "next-week")
        wanted = {"order_id": second, "hold_id": hold["hold_id"], "seat_ids": ["A-2-1"]}
        assert (await office.act(await office.quote("exchange_order", wanted))).status_code == 200
        office.payments.refuses = lambda wanted: RefundRefused("disputed")
        await _cancel(office, "next-week")
        assert (await _rounds(office, "next-week"))["failed"] == 2
        office.payments.refuses = lambda wanted: (
            RefundExceedsCharge("x") if wanted["idempotency_key"].endswith(":1") else None
        )
        await office.act(await office.quote("refund_order", {"order_id": second}))
        office.payments.refuses = lambda wanted: None
        await _cancel(office, "next-week")
        done = await _rounds(office, "next-week")
        assert (done["status"], done["refunded"], done["failed"]) == ("done", 1, 1)
        total = sum([(await office.store.get("orders", id))["total_minor"] for id in await _order_ids(office)])
        provider = SqliteDocumentStore(tmp_path / "provider.db")
        kept = sum(money.kept for money in (await provider_books(provider)).values())
        await provider.close()
        assert kept == total
        assert total >= 0


async def _order_ids(office: Any) -> list[str]:
    return [order["order_id"] for order in (await office.ok("list_orders", {"customer_id": "ann"}))["orders"]]


async def test_an_exception_is_spent_by_a_refund_in_part(open_box_office: Any, small_catalogue: Any) -> None:
    catalogue = small_catalogue()
    catalogue["events"][0]["policies"] = {"upgrade": {"until_hours_before": 0}}
    async with open_box_office(wrap=Refusing, catalogue=catalogue) as office:
        wanted = {"order_id": (await office.buy(["B-A-4"]))["order_id"]}
        await office.act(await office.quote("upgrade_tickets", {**wanted, "target_section": "A"}))
        refused = await office.tool("quote", {"action": "refund_order", "arguments": wanted})
        ticket = refused.json()["ticket_id"]
        decision = {"by": "op", "note": "ok"}
        await office.raw("POST", f"/support-tickets/{ticket}/approve", caller="cli", json=decision)
        first = (await office.store.get("orders", wanted["order_id"]))["payments"][0]["charge_id"]
        waiver = f"{wanted['order_id']}:refund_order"

        office.payments.refuses = lambda asked: RefundRefused("no") if asked["charge_id"] == first else None
        quote = await office.quote("refund_order", wanted)
        assert (await office.act(quote)).json()["code"] == "refund_refused"

        assert (await office.store.get("orders", wanted["order_id"]))["total_minor"] < 13450
        assert (await office.store.get("policy_waivers", waiver))["status"] == "used"


async def test_what_went_back_in_part_is_not_given_back_again(open_box_office: Any) -> None:
    """What was kept of another ticket would cover it: only the order knows that this ticket's money went back."""
    async with open_box_office(wrap=Refusing, settings=BY_HAND) as office:
        wanted = {"order_id": (await office.buy(["B-A-4", "B-A-5"]))["order_id"]}
        await office.act(await office.quote("upgrade_tickets", {**wanted, "target_section": "A"}))
        stored = await office.store.get("orders", wanted["order_id"])
        seats, first = [seat["id"] for seat in stored["seats"]], stored["payments"][0]["charge_id"]
        done = await office.act(await office.quote("refund_order", {**wanted, "seat_ids": seats[:1]}))
        assert done.json()["refunded"] == 108.0
        office.payments.refuses = lambda asked: RefundRefused("disputed") if asked["charge_id"] == first else None
        refused = await office.act(await office.quote("refund_order", wanted))
        assert refused.json()["code"] == "refund_refused"
        office.payments.refuses = lambda asked: None
        after = await office.store.get("orders", wanted["order_id"])
        assert after["given_minor"] == 2290, "what was left of the newer charge"

        for action in ("refund_order", "upgrade_tickets"):
            again = await office.tool("quote", {"action": action, "arguments": wanted})
            assert (again.status_code, again.json()["code"]) == (409, "refund_refused")
        await _cancel(office)
        found = await _rounds(office)
        assert (found["status"], found["refunded"], found["failed"]) == ("done", 0, 1)
        assert await office.store.get("orders", wanted["order_id"]) == after


def _exchangeable() -> dict[str, Any]:
    catalogue = small_catalogue()
    catalogue["events"][0] |= {"fees": {}}
    catalogue["events"][0]["policies"] = {
        "refund": {"until_hours_before": 2},
        "exchange": {"until_hours_before": 1},
    }
    return catalogue


async def _exchange_for_less(office: Any, customer: str = "ann") -> Any:
    """120 dollars for 50: 70 are owed."""
    order = await office.buy(["A-2-5"], customer)
    hold = await office.hold(["B-A-1"], customer, "next-week")
    wanted = {"order_id": order["order_id"], "hold_id": hold["hold_id"]}
    return await office.act(await office.quote("exchange_order", wanted, customer), customer)


async def test_the_refused_difference_of_an_exchange_is_on_record(open_box_office: Any) -> None:
    async with open_box_office(settings=BY_HAND, catalogue=_exchangeable()) as office:
        assert (await _exchange_for_less(office, DISPUTED)).status_code == 200
        (ticket,) = await _tickets(office)
        assert ticket["details"].startswith("$70.00 should have gone back, $0.00 did:")
        page = await office.store.query(Query("payment_intents", (Filter("open", "==", False),), limit=10))
        (intent,) = (d.data for d in page.documents if d.data["kind"] == "exchange_order")
        assert (intent["status"], intent["given_minor"], intent["failure"]["code"]) == ("done", 0, "refund_refused")


async def test_a_provider_out_of_order_does_not_undo_an_exchange(open_box_office: Any) -> None:
    async with open_box_office(settings=BY_HAND, catalogue=_exchangeable(), wrap=Refusing) as office:
        office.payments.refuses = lambda wanted: UpstreamFailed("nonsense", code="payment_refused")
        response = await _exchange_for_less(office)
        assert (response.status_code, response.json()["refunded"]) == (200, 70.0)
        office.payments.refuses = lambda wanted: None
        await reconcile(office.office)
        page = await office.store.query(Query("payment_intents", (Filter("open", "==", True),), limit=10))
        assert not page.documents
        money = (await provider_books(office.payments.inner._store)).values()
        assert sum(entry.refunded for entry in money) == 7000

"""What a venue's own system did is told only if it is what the customer confirmed, and can be told at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from box_office import NOW
from partner_front import KEY, CutOff, Front, always, front_of
from reference_partner import Venue
from usher_shared.clock import ManualClock

_EVENTS = ("usher.ticket_purchased.v1", "usher.ticket_upgraded.v1", "usher.ticket_refunded.v1")


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    clock = ManualClock(NOW)
    async with front_of(Venue(KEY, clock.now), tmp_path, clock) as opened:
        yield opened


def _shows(front: Front, lie: dict[str, Any], customer: str = "ann") -> None:
    """Orders of the customer are shown with these values."""
    right = front.venue.get_order

    def wrong(a: Any, asker: str) -> Any:
        return {**right(a, asker), **(lie if asker == customer else {})}

    front.venue.get_order = wrong  # type: ignore[method-assign]


def _does(front: Front, action: str, **lie: Any) -> None:
    """The action is answered with these values, and each seat with those of `seat`."""
    right, seat = front.venue.act, lie.pop("seat", {})

    def wrong(called: str, a: Any, customer: str, quote: Any) -> Any:
        done = right(called, a, customer, quote)
        if called != action:
            return done
        return {**done, **({"seats": [{**s, **seat} for s in done["seats"]]} if seat else {}), **lie}

    front.venue.act = wrong  # type: ignore[method-assign]


async def _stays_unresolved(front: Front, quote: Any, customer: str = "ann") -> None:
    told = sum([len(await front.office.published(name)) for name in _EVENTS])
    yes = front.office.confirm(quote, id="CONF-X", customer_id=customer)
    for _ in range(2):
        response = await front.office.act(quote, customer, yes=yes)
        assert (response.status_code, response.json()["code"]) == (502, "outcome_unresolved")
        (ticket,) = await front.tickets()
        assert response.json()["ticket_id"] == ticket["ticket_id"]
    action = await front.action("CONF-X")
    assert (action["status"], action["open"]) == ("unresolved", False)
    assert action["answer"]["order_id"] in front.venue.orders
    assert ticket["order_id"] == action["answer"]["order_id"]
    assert sum([len(await front.office.published(name)) for name in _EVENTS]) == told


@pytest.mark.parametrize(
    "lie",
    [
        {"currency": "EURO"},
        {"currency": "USD"},
        {"total": 1e300},
        {"total": 1.0},
        {"seats": []},
        {"event_id": "another"},
        {"starts_at": "9999-12-31T23:59:59-10:00"},
    ],
    ids=str,
)
async def test_an_order_that_is_shown_as_another(front: Front, lie: dict[str, Any]) -> None:
    """It is for a person; what others have bought meanwhile goes on."""
    _shows(front, lie)
    await _stays_unresolved(front, await front.purchase("ann"))
    theirs = await front.purchase("bob")
    front.venue.late_fault = always("create_order", CutOff())
    response = await front.office.act(theirs, "bob")
    assert response.status_code == 504
    front.venue.late_fault = None
    await front.reconcile()
    assert await front.reconcile() == 0
    (event,) = await front.office.published("usher.ticket_purchased.v1")
    assert event.data["customer_id"] == "bob"


async def test_one_action_that_cannot_be_reconciled_holds_up_no_other(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    front.venue.late_fault = always("create_order", CutOff())
    for customer in ("ann", "bob"):
        quote = await front.purchase(customer)
        yes = front.office.confirm(quote, id=f"CONF-{customer}", customer_id=customer)
        assert (await front.office.act(quote, customer, yes=yes)).status_code == 504
    front.venue.late_fault = None
    broken = await front.action("CONF-ann")
    await front.office.store.set("partner_actions", "CONF-ann", {**broken, "quote": {}})
    await front.reconcile()
    assert await front.reconcile() == 1
    assert (await front.action("CONF-bob"))["status"] == "done"
    assert "action at the partner not reconciled" in caplog.text


@pytest.mark.parametrize(
    "lie",
    [
        {"seat": {"id": "BOX-B-9"}},
        {"seat": {"id": "BOX-B-9", "general_admission": True}},
        {"event_id": "another"},
        {"total": 1e300},
        {"total": 1e15, "credit": 1e15 - 92.5},
    ],
    ids=str,
)
async def test_a_purchase_of_something_else(front: Front, lie: dict[str, Any]) -> None:
    _does(front, "create_order", **lie)
    await _stays_unresolved(front, await front.purchase("ann", 1))


@pytest.mark.parametrize("lie", [{"seat": {"id": "BOX-B-9"}}, {"seats": []}, {"total": 1.0}], ids=str)
async def test_an_upgrade_to_other_seats(front: Front, lie: dict[str, Any]) -> None:
    bought = (await front.office.act(await front.purchase("ann", 1), "ann")).json()
    _does(front, "upgrade_tickets", **lie)
    quote = await front.office.quote("upgrade_tickets", {"order_id": bought["order_id"]}, "ann")
    await _stays_unresolved(front, quote)


@pytest.mark.parametrize("kept", [True, False])
async def test_a_refund_that_leaves_the_seats(front: Front, kept: bool) -> None:
    bought = (await front.office.act(await front.purchase("ann", 2), "ann")).json()
    _shows(front, {"seats": bought["seats"]} if kept else {"event_id": "another"})
    quote = await front.office.quote("refund_order", {"order_id": bought["order_id"]}, "ann")
    await _stays_unresolved(front, quote)


@pytest.mark.parametrize(
    "lie",
    [
        {"expires_at": "9999-12-31T00:00:00Z"},
        {"expires_at": "9999-12-31T23:59:59-10:00"},
        {"fees": 1e300},
        {"total": 1e20, "total_minor": 10**22},
    ],
    ids=str,
)
async def test_a_quote_that_no_sale_can_come_of(front: Front, lie: dict[str, Any]) -> None:
    hold = await front.office.hold(["BOX-A-1"], event_id="opera-gala")
    right = front.venue.quote
    front.venue.quote = lambda a, customer: {**right(a, customer), **lie}  # type: ignore[method-assign]
    asked = {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}}
    response = await front.office.tool("quote", asked)
    assert (response.status_code, response.json()["code"]) == (502, "partner_nonsense")


@pytest.mark.parametrize("status", [402, 405, 408, 423, 425])
async def test_a_status_that_says_nothing_of_the_effect(front: Front, status: int) -> None:
    """The sale was made, and what stands between answers for it: nobody is told that nothing was done."""
    quote = await front.purchase()
    yes = front.office.confirm(quote)
    front.venue.late_fault = always("create_order", JSONResponse({"code": "request_timeout"}, status))
    response = await front.office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    front.venue.late_fault = None
    await front.reconcile()
    assert (await front.office.act(quote, yes=yes)).status_code == 200
    assert len(front.venue.orders) == 1

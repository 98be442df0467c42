"""Selling what a venue's own system has: the same gate, the same events, and answers that are checked first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from box_office import NOW, open_files
from partner_front import KEY, CutOff, Front, always, front_of
from reference_partner import EVENT, Refused, Venue, problem
from usher_shared.clock import ManualClock


@pytest.fixture(autouse=True)
def _the_key_stays_unsaid(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def front(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Front]:
    async with front_of(Venue(KEY, clock.now), tmp_path, clock) as opened:
        yield opened


async def test_a_sale_through_the_partner(front: Front) -> None:
    office = front.office
    quote = await front.purchase()
    sold = (await office.act(quote)).json()
    (event,) = await office.published("usher.ticket_purchased.v1")
    assert event.data["order_id"] == sold["order_id"]
    assert (event.data["total_minor"], event.data["fees_minor"]) == (quote["total_minor"], 500)
    assert event.data["starts_at"] == "2026-12-01T18:30:00Z"
    refund = await office.quote("refund_order", {"order_id": sold["order_id"]})
    assert (await office.act(refund)).json()["refunded"] == sold["total"]
    (event,) = await office.published("usher.ticket_refunded.v1")
    assert event.data["refunded_minor"] == quote["total_minor"]
    assert event.data["seats"] == []
    response = await office.raw("GET", "/orders", caller="gateway", params={"customer_id": "ann"})
    assert [order["order_id"] for order in response.json()["orders"]] == [sold["order_id"]]
    await office.ok("search_events", {})
    assert front.venue.limits[-1] == "20"
    response = await office.raw("GET", "/events", caller="gateway", params={"limit": 5})
    assert front.venue.limits[-1] == "5"
    assert [found["event_id"] for found in response.json()["events"]] == [EVENT]
    upgradable = (await office.act(await front.purchase("bob", 1), "bob")).json()
    better = await office.quote("upgrade_tickets", {"order_id": upgradable["order_id"]}, "bob")
    assert (await office.act(better, "bob")).json()["price_delta"] == better["total"]
    (event,) = await office.published("usher.ticket_upgraded.v1")
    assert [seat["id"] for seat in event.data["previous_seats"]] == [seat["id"] for seat in upgradable["seats"]]


async def test_the_gate_is_the_same(front: Front) -> None:
    office = front.office
    quote = await front.purchase()
    wrong: list[dict[str, Any]] = [{"total_minor": 1}, {"currency": "USD"}, {"customer_id": "bob"}, {"quote_id": "QUO"}]
    for changes in wrong:
        response = await office.act(quote, yes=office.confirm(quote, **changes))
        assert (response.status_code, response.json()["code"]) == (403, "confirmation_required")
    assert front.keys("create_order") == []
    yes = office.confirm(quote)
    assert (await office.act(quote, yes=yes)).status_code == 200
    response = await office.raw(
        "POST",
        "/tools/create_order",
        customer="ann",
        json=quote["arguments"],
        headers={"Usher-Confirmation": yes.to_header(), "Idempotency-Key": "another"},
    )
    assert (response.status_code, response.json()["code"]) == (403, "confirmation_required")
    assert front.keys("create_order") == [yes.id]


async def test_a_quote_of_before_the_switch(tmp_path: Path, clock: ManualClock) -> None:
    async with open_files(tmp_path, clock=clock) as own:
        quote = await own.purchase(["A-2-5"])
    async with front_of(Venue(KEY, clock.now), tmp_path, clock) as front:
        response = await front.office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "quote_expired")
        assert front.venue.calls == []


async def test_a_venue_without_a_help_desk(front: Front) -> None:
    """The matter is kept here; what the partner does not offer otherwise is said to be so."""
    wanted = {"subject": "Lost", "details": "My scarf is gone.", "order_id": "ORD_1"}
    first = await front.office.ok("open_support_ticket", wanted, Idempotency_Key="mine")
    assert await front.office.ok("open_support_ticket", wanted, Idempotency_Key="mine") == first
    kept = await front.office.store.get("support_tickets", first["ticket_id"])
    assert kept is not None
    assert (kept["customer_id"], kept["details"]) == ("ann", "Order ORD_1\n\nMy scarf is gone.")
    response = await front.office.tool("join_wait_list", {"event_id": EVENT, "quantity": 2})
    assert (response.status_code, response.json()["code"]) == (404, "unknown_tool")


async def test_twenty_repeats_reach_the_partner_as_one(front: Front) -> None:
    quote = await front.purchase()
    yes = front.office.confirm(quote)
    responses = await asyncio.gather(*[front.office.act(quote, yes=yes) for _ in range(20)])
    assert {response.status_code for response in responses} <= {200, 409}
    assert len(front.venue.orders) == 1
    assert set(front.keys("create_order")) == {yes.id}


async def test_a_rush_through_the_partner(front: Front) -> None:
    """Sixty buyers for ten seats: ten sold, a clean no for the others."""
    seats = [f"BOX-A-{number}" for number in range(1, 11)]

    async def buy(number: int) -> tuple[int, str]:
        customer = f"buyer-{number}"
        wanted = {"event_id": EVENT, "seat_ids": [seats[number % len(seats)]]}
        held = await front.office.tool("hold_tickets", wanted, customer, Idempotency_Key=customer)
        if held.status_code != 200:
            return held.status_code, held.json()["code"]
        quote = await front.office.quote("create_order", {"hold_id": held.json()["hold_id"]}, customer)
        return (await front.office.act(quote, customer)).status_code, "sold"

    outcomes = await asyncio.gather(*[buy(number) for number in range(60)])
    assert sorted(set(outcomes)) == [(200, "sold"), (409, "seats_taken")]
    assert outcomes.count((200, "sold")) == len(seats)
    assert sorted(seat for order in front.venue.orders.values() for seat in order["seats"]) == sorted(seats)
    assert len(await front.office.published("usher.ticket_purchased.v1")) == len(seats)


@pytest.mark.parametrize(
    ("tool", "wrong"),
    [
        ("get_event_info", {"event_id": "another"}),
        ("check_inventory", {"event_id": "another"}),
        ("check_inventory", {"seats": [], "adjacent": True}),
        ("hold_tickets", {"seats": []}),
        ("hold_tickets", {"hold_id": "../../orders"}),
        ("hold_tickets", {"hold_id": ".."}),
        ("quote", {"quote_id": "__id__"}),
        ("hold_tickets", {"expires_at": "soon"}),
        ("quote", {"total": 1.0}),
        ("quote", {"total": -5.0, "total_minor": -500}),
        ("quote", {"currency": "euro"}),
        ("quote", {"action": "refund_order"}),
        ("quote", {"arguments": {}}),
        ("quote", {"expires_at": "2020-01-01T00:00:00Z"}),
    ],
)
async def test_answers_that_contradict_what_was_asked(front: Front, tool: str, wrong: dict[str, Any]) -> None:
    office = front.office
    right = getattr(front.venue, tool)
    hold = await office.hold(["BOX-A-1"], event_id=EVENT)
    asked = {
        "get_event_info": {"event_id": EVENT},
        "check_inventory": {"event_id": EVENT, "quantity": 2},
        "hold_tickets": {"event_id": EVENT, "seat_ids": ["BOX-A-2"]},
        "quote": {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}},
    }[tool]
    setattr(front.venue, tool, lambda a, customer: {**right(a, customer), **wrong})
    response = await office.tool(tool, asked)
    assert (response.status_code, response.json()["code"]) == (502, "partner_nonsense")
    assert "another" not in response.text


async def test_anothers_quote_id(front: Front) -> None:
    await front.purchase("bob")
    right = front.venue.quote
    (taken,) = front.venue.quotes
    front.venue.quote = lambda a, customer: {**right(a, customer), "quote_id": taken}  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="partner_nonsense"):
        await front.purchase("ann")


async def test_something_else_is_done_than_agreed(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    quote = await front.purchase()
    right = front.venue.act
    front.venue.act = lambda *a: {**right(*a), "total": 1.0}  # type: ignore[method-assign]
    response = await front.office.act(quote)
    assert (response.status_code, response.json()["code"]) == (502, "outcome_unresolved")
    action = await front.action()
    assert (action["status"], action["answer"]["total"]) == ("unresolved", 1.0)
    assert "the partner did something else than agreed" in caplog.text
    (ticket,) = await front.tickets()
    assert "€185.00" in ticket["details"]
    assert await front.office.published("usher.ticket_purchased.v1") == []


async def test_refusals_pass_with_their_code(front: Front) -> None:
    quote = await front.purchase()
    front.venue.fault = always(
        "create_order", problem(Refused(409, "wardrobe_full", secret="no", seat_ids=["BOX-A-1"]))
    )
    response = await front.office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "wardrobe_full")
    front.venue.fault = always("get_event_info", problem(Refused(418, "teapot", seat_ids=["BOX-A-1"], secret="no")))
    shown = (await front.read()).json()
    assert (shown["status"], shown["code"], shown["seat_ids"]) == (409, "teapot", ["BOX-A-1"])
    assert "secret" not in shown


async def test_one_hold_for_one_key(front: Front) -> None:
    """The first answer is lost in our own process: the same key reaches the partner as the same key."""
    arguments = {"event_id": EVENT, "seat_ids": ["BOX-A-1", "BOX-A-2"]}
    front.venue.late_fault = always("hold_tickets", CutOff())
    response = await front.office.tool("hold_tickets", arguments, Idempotency_Key="mine")
    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    front.venue.late_fault = None
    first = await front.office.ok("hold_tickets", arguments, Idempotency_Key="mine")
    again = await front.office.ok("hold_tickets", arguments, Idempotency_Key="mine")
    assert first == again
    assert list(front.venue.holds) == [first["hold_id"]]
    assert len(set(front.keys("hold_tickets"))) == 1

"""A venue's own system that is down, slow, wrong or cut off: nothing is done twice, nothing is believed blindly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from box_office import NOW, BoxOffice, open_files
from reference_partner import EVENT, Refused, Venue, problem
from served import Served, free_port
from usher_shared.clock import ManualClock
from usher_tools.adapters.partner_http import HttpPartner
from usher_tools.partner.actions import reconcile_actions

KEY = secrets.token_hex(16)
Fault = Callable[[str], Awaitable[Response | None]]


class CutOff(Response):
    """The connection breaks in the middle of the answer."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"order_', "more_body": True})
        raise ConnectionAbortedError


class Front:
    """Our service in front of the venue's system."""

    def __init__(self, office: BoxOffice, venue: Venue, server: Served, partner: HttpPartner) -> None:
        self.office, self.venue, self.server, self.partner = office, venue, server, partner

    async def purchase(self, customer: str = "ann", count: int = 2) -> Any:
        found = await self.office.ok("check_inventory", {"event_id": EVENT, "quantity": count}, customer)
        hold = await self.office.hold([seat["id"] for seat in found["seats"]], customer, EVENT)
        return await self.office.quote("create_order", {"hold_id": hold["hold_id"]}, customer)

    async def read(self) -> Any:
        return await self.office.tool("get_event_info", {"event_id": EVENT})

    async def reconcile(self) -> int:
        """As the service does at intervals, when no call waits for the answer any more."""
        self.office.clock.advance(timedelta(seconds=21))
        return await reconcile_actions(self.office.office, self.partner)

    async def action(self, id: str = "CONF-1") -> Any:
        return await self.office.store.get("partner_actions", id)

    async def tickets(self) -> Any:
        """What an operator sees."""
        return (await self.office.raw("GET", "/support-tickets", caller="cli")).json()["tickets"]

    def keys(self, tool: str) -> list[str | None]:
        return [key for called, key in self.venue.calls if called == tool]


@contextlib.asynccontextmanager
async def front_of(
    venue: Venue,
    folder: Path,
    clock: ManualClock,
    *,
    try_seconds: float = 2.0,
    failures: int = 100,
    pause_seconds: float = 0.2,
    connections: int = 64,
) -> AsyncIterator[Front]:
    server = Served(lambda: venue.app, free_port(), lifespan=False)
    await server.start()
    partner = HttpPartner(
        server.url,
        SecretStr(KEY),
        try_seconds=try_seconds,
        call_seconds=try_seconds * 4,
        action_seconds=try_seconds * 4,
        failures=failures,
        pause_seconds=pause_seconds,
        connections=connections,
    )
    try:
        async with open_files(folder, clock=clock, partner=partner) as office:
            yield Front(office, venue, server, partner)
    finally:
        await server.stop()


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


def on(tool: str, *responses: Response) -> Fault:
    """A fault for the first calls of the tool, or for all where there is one response for ever."""
    left = list(responses)

    async def fault(called: str) -> Response | None:
        return left.pop(0) if called == tool and left else None

    return fault


def always(tool: str, response: Response) -> Fault:
    async def fault(called: str) -> Response | None:
        return response if called == tool else None

    return fault


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


async def test_a_down_partner(front: Front) -> None:
    quote = await front.purchase()
    await front.server.stop()
    response = await front.read()
    assert (response.status_code, response.json()["code"]) == (503, "partner_unreachable")
    for _ in range(2):  # nothing was done, and this yes is used up: a later one is asked for anew
        response = await front.office.act(quote, yes=front.office.confirm(quote, id="CONF-1"))
        assert (response.status_code, response.json()["code"]) == (409, "partner_unreachable")
    assert (await front.action())["status"] == "refused"
    ready = await front.office.raw("GET", "/ready")
    assert ready.status_code == 200
    assert ready.json()["checks"]["partner"].startswith("degraded")
    await front.server.start()
    assert (await front.office.raw("GET", "/ready")).json()["checks"]["partner"] == "ok"
    assert (await front.office.act(quote)).status_code == 200
    assert len(front.venue.orders) == 1


async def test_the_answer_is_lost_once(front: Front) -> None:
    front.venue.late_fault = on("create_order", CutOff())
    assert (await front.office.act(await front.purchase())).status_code == 200
    assert front.keys("create_order") == ["CONF-1", "CONF-1"]
    assert len(front.venue.orders) == 1
    assert len(await front.office.published("usher.ticket_purchased.v1")) == 1


async def test_the_answer_is_lost_until_we_ask_again(front: Front) -> None:
    quote = await front.purchase()
    yes = front.office.confirm(quote)
    front.venue.late_fault = always("create_order", CutOff())
    response = await front.office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    assert (await front.action())["open"] is True
    assert await front.reconcile() == 1  # still no answer: it stays open
    assert (await front.action())["open"] is True
    front.venue.late_fault = None
    await front.reconcile()
    assert (await front.action())["status"] == "done"
    assert await front.reconcile() == 0
    again = await front.office.act(quote, yes=yes)
    assert again.status_code == 200
    assert set(front.keys("create_order")) == {yes.id}
    assert list(front.venue.orders) == [again.json()["order_id"]]
    assert len(await front.office.published("usher.ticket_purchased.v1")) == 1


async def test_the_order_cannot_be_looked_at(front: Front) -> None:
    """It was bought: whatever the second request comes to, nobody is told that nothing happened."""
    quote = await front.purchase()
    yes = front.office.confirm(quote)
    front.venue.fault = always("get_order", problem(Refused(404, "order_not_found")))
    response = await front.office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
    front.venue.fault = None
    assert (await front.office.act(quote, yes=yes)).status_code == 200
    assert len(front.venue.orders) == 1
    assert len(await front.office.published("usher.ticket_purchased.v1")) == 1


async def test_failures_before_the_effect_end_with_the_quote(front: Front) -> None:
    quote = await front.purchase()
    yes = front.office.confirm(quote)
    front.venue.fault = always("create_order", Response(status_code=500))
    assert (await front.office.act(quote, yes=yes)).status_code == 504
    front.venue.fault = None
    front.office.clock.advance(timedelta(hours=1))
    await front.reconcile()
    action = await front.action()
    assert (action["status"], action["refusal"]["code"]) == ("refused", "quote_expired")
    response = await front.office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (409, "quote_expired")
    assert front.venue.orders == {}
    assert await front.office.published("usher.ticket_purchased.v1") == []


async def test_a_partner_that_is_silent_for_a_day(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    quote = await front.purchase()
    yes = front.office.confirm(quote)
    front.venue.late_fault = always("create_order", CutOff())
    await front.office.act(quote, yes=yes)
    front.office.clock.advance(timedelta(hours=24))
    await front.reconcile()
    assert (await front.action())["status"] == "unresolved"
    assert "an action at the partner stays unresolved" in caplog.text
    (ticket,) = await front.tickets()
    assert yes.id in ticket["details"]
    response = await front.office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (502, "outcome_unresolved")


async def test_a_slow_partner(tmp_path: Path, clock: ManualClock) -> None:
    venue, never = Venue(KEY, clock.now), asyncio.Event()

    async def hang(tool: str) -> None:
        if tool in ("get_event_info", "create_order"):
            await never.wait()

    async with front_of(venue, tmp_path, clock, try_seconds=0.25) as front:
        quote = await front.purchase()
        venue.fault = hang
        response = await front.read()
        assert (response.status_code, response.json()["code"]) == (504, "partner_timeout")
        assert 1 < len(front.keys("get_event_info")) <= 3
        response = await front.office.act(quote)
        assert (response.status_code, response.json()["code"]) == (504, "outcome_unknown")
        never.set()
        venue.fault = None
        await front.reconcile()
        assert (await front.action())["status"] == "done"
        assert len(venue.orders) == 1


async def test_what_never_left_is_no_riddle(tmp_path: Path, clock: ManualClock) -> None:
    """All connections are taken by calls that hang: a purchase that found none was surely not made."""
    venue, reached, never = Venue(KEY, clock.now), asyncio.Event(), asyncio.Event()

    async def hang(tool: str) -> None:
        if tool == "get_event_info":
            reached.set()
            await never.wait()

    async with front_of(venue, tmp_path, clock, try_seconds=1.0, connections=1) as front:
        quote = await front.purchase()
        venue.fault = hang
        hanging = [asyncio.create_task(front.read()) for _ in range(8)]
        await reached.wait()
        response = await front.office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "partner_unreachable")
        assert venue.orders == {}
        never.set()
        await asyncio.gather(*hanging)


NONSENSE = {
    "a list": JSONResponse([]),
    "text": Response("ok"),
    "an empty object": JSONResponse({}),
    "not a number": Response('{"total": NaN}', media_type="application/json"),
    "a page": Response("<html>", 404, media_type="text/html"),
    "a code that is none": JSONResponse({"code": "Hello World"}, 409),
    "two megabytes": Response(b'"' + b"x" * (2 << 20) + b'"', media_type="application/json"),
    "elsewhere": RedirectResponse("http://127.0.0.1:9/tools"),
    "no content": Response(status_code=204),
}


@pytest.mark.parametrize("response", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_not_passed_on(front: Front, response: Response) -> None:
    quote = await front.purchase()
    front.venue.fault = always("get_event_info", response)
    shown = await front.read()
    assert (shown.status_code, shown.json()["code"]) == (502, "partner_nonsense")
    assert len(front.keys("get_event_info")) == 1
    front.venue.fault = always("create_order", response)
    shown = await front.office.act(quote)
    assert (shown.status_code, shown.json()["code"]) == (504, "outcome_unknown")
    front.venue.fault = None
    await front.reconcile()
    assert (await front.action())["status"] == "done"


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


async def test_a_partner_that_does_not_know_us(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    quote = await front.purchase()
    front.venue.key = "another"
    response = await front.read()
    assert (response.status_code, response.json()["code"]) == (503, "partner_refuses_us")
    response = await front.office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "partner_refuses_us")
    assert "does not accept our key" in caplog.text


async def test_a_busy_partner_says_when(front: Front) -> None:
    busy = Response(status_code=429, headers={"Retry-After": "60"})
    front.venue.fault = on("get_event_info", busy)
    response = await front.read()
    assert (response.status_code, response.headers["retry-after"]) == (503, "60")
    assert len(front.keys("get_event_info")) == 1
    front.venue.fault = on("get_event_info", Response(status_code=429), Response(status_code=503))
    assert (await front.read()).status_code == 200
    assert len(front.keys("get_event_info")) == 4


async def test_a_call_under_way_is_waited_for(front: Front) -> None:
    busy = [problem(Refused(409, "idempotency_in_flight")) for _ in range(4)]
    front.venue.fault = on("create_order", *busy)
    assert (await front.office.act(await front.purchase())).status_code == 200
    assert front.keys("create_order") == ["CONF-1"] * 5


async def test_a_flapping_partner_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    async with front_of(Venue(KEY, clock.now), tmp_path, clock, failures=3, pause_seconds=3600) as front:
        quote = await front.purchase()
        front.venue.fault = always("get_event_info", Response(status_code=500))
        assert (await front.read()).status_code == 502
        asked = len(front.venue.calls)
        response = await front.read()
        assert (response.status_code, response.json()["code"]) == (503, "partner_unavailable")
        response = await front.office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "partner_unavailable")
        assert len(front.venue.calls) == asked


async def test_a_partner_that_is_well_again_is_asked_again(tmp_path: Path, clock: ManualClock) -> None:
    async with front_of(Venue(KEY, clock.now), tmp_path, clock, failures=3, pause_seconds=0.05) as front:
        front.venue.fault = always("get_event_info", Response(status_code=500))
        assert (await front.read()).status_code == 502
        front.venue.fault = None
        async with asyncio.timeout(20):
            while (await front.read()).status_code != 200:
                assert len(front.venue.calls) == 3  # what is refused meanwhile is refused here
        assert (await front.office.act(await front.purchase())).status_code == 200


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

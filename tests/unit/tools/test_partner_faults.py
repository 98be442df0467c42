"""A venue's own system that is down, slow, wrong or cut off: nothing is done twice, nobody is told a guess."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from box_office import NOW
from partner_front import KEY, CutOff, Front, always, front_of, on
from reference_partner import Refused, Venue, problem
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

    async with front_of(venue, tmp_path, clock, try_seconds=0.5) as front:
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
    """The only connection is taken by a call that hangs for longer than a purchase waits: it was surely not made."""
    venue, reached, never = Venue(KEY, clock.now), asyncio.Event(), asyncio.Event()

    async def hang(tool: str) -> None:
        if tool == "get_event_info":
            reached.set()
            await never.wait()

    async with front_of(venue, tmp_path, clock, try_seconds=60, action_seconds=1.0, connections=1) as front:
        quote = await front.purchase()
        venue.fault = hang
        hanging = asyncio.create_task(front.read())
        await reached.wait()
        response = await front.office.act(quote)
        assert (response.status_code, response.json()["code"]) == (409, "partner_unreachable")
        assert venue.orders == {}
        never.set()
        await hanging


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

"""The windows after the sale, to the second, and the exceptions that a person makes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from usher_shared.clock import to_timestamp
from usher_tools.catalogue.model import PoliciesEntry
from usher_tools.catalogue.policies import read_policies
from usher_tools.events.model import TicketedEvent, Venue
from usher_tools.policies.model import AfterSale, Waiver
from usher_tools.policies.service import Terms, decide

START = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)  # 19:30 in Chicago
SECOND = timedelta(seconds=1)


def _event(policies: dict[str, Any], status: str = "on_sale") -> TicketedEvent:
    found, texts = read_policies(PoliciesEntry.model_validate(policies))
    venue = Venue(id="hall", name="Union Hall", city="Chicago", address="1 Main Street", time_zone="America/Chicago")
    return TicketedEvent(
        id="tonight",
        name="Chicago Comets vs. Harbor Gulls",
        category="sports",
        performers=[],
        description="",
        venue=venue,
        starts_at=to_timestamp(START),
        status=status,
        currency="USD",
        sections=[],
        fee_per_ticket_minor=0,
        fee_percent=0,
        **found,
        policies=texts,
        layout_id="L",
        blocked=(),
    )


WINDOWS: list[tuple[str, str, dict[str, Any], timedelta]] = [
    ("refund_order", "refund", {"until_hours_before": 24}, timedelta(hours=-24)),
    ("refund_order", "refund", {"until_hours_before": -0.5}, timedelta(minutes=30)),
    ("exchange_order", "exchange", {"until_hours_before": 48, "fee_percent": 5}, timedelta(hours=-48)),
    ("credit_order", "credit", {"until_hours_before": 0}, timedelta()),
    ("credit_order", "credit", {"until_hours_before": -24}, timedelta(hours=24)),
    ("upgrade_tickets", "upgrade", {"until_hours_before": 1}, timedelta(hours=-1)),
    ("upgrade_tickets", "upgrade", {"until_hours_before": -2}, timedelta(hours=2)),
    ("upgrade_tickets", "in_game_upgrade", {"until_hours_after_start": 1.5}, timedelta(hours=1.5)),
]


@pytest.mark.parametrize(("action", "topic", "entry", "offset"), WINDOWS)
def test_a_windows_last_second_belongs_to_it(action: Any, topic: str, entry: dict[str, Any], offset: timedelta) -> None:
    event, last = _event({topic: entry}), START + offset
    for moment in (last - SECOND, last):
        decision = decide(event, action, moment)
        assert (decision.allowed, decision.reason, decision.deadline) == (True, event.policies[topic], last)
    for moment in (last + timedelta(microseconds=1), last + SECOND):
        late = decide(event, action, moment)
        assert not late.allowed
        assert late.reason.endswith(event.policies[topic])
        assert f"ended on {event.at_venue(last)}." in late.reason


def test_upgrades_during_the_event_open_with_it() -> None:
    entry = {"upgrade": {"until_hours_before": 1}, "in_game_upgrade": {"until_hours_after_start": 2}}
    event = _event(entry)
    moments = {
        START - timedelta(hours=1): True,
        START - timedelta(hours=1) + SECOND: False,
        START - SECOND: False,
        START: True,
        START + timedelta(hours=2): True,
        START + timedelta(hours=2) + SECOND: False,
    }
    assert {moment: decide(event, "upgrade_tickets", moment).allowed for moment in moments} == moments
    between = decide(event, "upgrade_tickets", START - SECOND)
    assert between.reason == (
        "Upgrades for this event ended on Fri 20 Nov 2026, 18:30. Upgrades during the event begin on "
        "Fri 20 Nov 2026, 19:30. Upgrades during the event until 2 hours after the start, for the difference in price."
    )
    assert decide(event, "upgrade_tickets", START).reason.startswith("Upgrades during the event until 2 hours after")


def test_nothing_is_offered_by_default() -> None:
    event = _event({})
    assert event.policies == {
        "refund": "Tickets cannot be refunded.",
        "exchange": "Tickets cannot be exchanged.",
        "credit": "Tickets cannot be given back for credit.",
        "upgrade": "Tickets cannot be upgraded.",
    }
    topics: dict[AfterSale, str] = {"refund_order": "refund", "exchange_order": "exchange", "credit_order": "credit"}
    for action, topic in topics.items():
        decision = decide(event, action, START)
        assert (decision.allowed, decision.reason) == (False, event.policies[topic])


def test_texts_from_figures_and_texts_alone() -> None:
    event = _event(
        {
            "exchange": {"until_hours_before": 48, "fee_percent": 5},
            "credit": {"until_hours_before": 0, "fees_refundable": False},
            "in_game_upgrade": {"until_hours_after_start": 1},
            "resale": "Tickets may be passed on.",
        }
    )
    assert event.policies["exchange"] == (
        "Exchanges for other tickets until 48 hours before the start, at what the old ones cost less 5% of the price; "
        "service fees are included."
    )
    assert event.policies["credit"] == "Store credit instead of tickets until the start; service fees are not credited."
    assert event.policies["in_game_upgrade"].startswith("Upgrades during the event until 1 hour after the start")
    assert event.policies["resale"] == "Tickets may be passed on."
    by_people = _event({"exchange": "Ask the box office."})
    assert by_people.exchange is None
    assert decide(by_people, "exchange_order", START).reason == "Ask the box office."


def test_a_cancelled_event_gives_everything_back_at_any_time() -> None:
    event = _event({"refund": {"until_hours_before": 24, "fee_percent": 10}}, status="cancelled")
    late = START + timedelta(days=400)
    for action in ("refund_order", "credit_order"):
        decision = decide(event, action, late)
        assert (decision.allowed, decision.terms) == (True, Terms(0, fees_refundable=True))
    for action in ("upgrade_tickets", "exchange_order"):
        assert decide(event, action, START).reason == f"{event.name} has been cancelled."


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"action": "credit_order"}, False),
        ({"status": "asked"}, False),
        ({"status": "used"}, False),
        ({"status": "rejected"}, False),
        ({"expires_at": to_timestamp(START)}, False),
    ],
)
def test_an_exception_counts_while_it_lives(changes: dict[str, Any], allowed: bool) -> None:
    until = to_timestamp(START + SECOND)
    fields = {"order_id": "O", "action": "refund_order", "ticket_id": "T", "status": "approved", "expires_at": until}
    waiver = Waiver.model_validate(fields | changes)
    event = _event({"refund": {"until_hours_before": 24, "fee_percent": 10}})
    decision = decide(event, "refund_order", START, [waiver])
    assert decision.allowed is allowed
    assert decision.terms == Terms(10, fees_refundable=False)
    assert decision.waiver == (waiver if allowed else None)


async def _refused(office: Any, order_id: str, action: str = "refund_order") -> dict[str, Any]:
    response = await office.tool("quote", {"action": action, "arguments": {"order_id": order_id}})
    assert (response.status_code, response.json()["code"]) == (409, "outside_policy"), response.text
    problem: dict[str, Any] = response.json()
    return problem


async def _tickets(office: Any, status: str = "open") -> list[dict[str, Any]]:
    response = await office.raw("GET", "/support-tickets", caller="cli", params={"status": status})
    assert response.status_code == 200, response.text
    tickets: list[dict[str, Any]] = response.json()["tickets"]
    return tickets


async def _decide(office: Any, ticket_id: str, word: str, note: str = "a good reason") -> Any:
    path = f"/support-tickets/{ticket_id}/{word}"
    return await office.raw("POST", path, caller="cli", json={"by": "olga", "note": note})


async def test_outside_policy_opens_one_ticket(office: Any) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    id = order["order_id"]
    problems = await asyncio.gather(*(_refused(office, id) for _ in range(5)))
    (ticket,) = await _tickets(office)
    assert {problem["ticket_id"] for problem in problems} == {ticket["ticket_id"]}
    assert problems[0]["detail"].startswith("Tickets cannot be refunded. Our staff will look at it: ticket SUP_")
    assert (ticket["action"], ticket["order_id"], ticket["customer_id"]) == ("refund_order", id, "ann")
    other = await _refused(office, id, "upgrade_tickets")
    assert other["ticket_id"] != ticket["ticket_id"]
    assert len(await _tickets(office)) == 2


async def test_an_approved_exception_is_good_once(office: Any) -> None:
    order = await office.buy(["A-2-5", "A-2-6"], event_id="next-week")
    id = order["order_id"]
    ticket = (await _refused(office, id))["ticket_id"]
    approved = await _decide(office, ticket, "approve", "a funeral")
    assert approved.status_code == 200, approved.text
    assert (approved.json()["decided_by"], approved.json()["note"]) == ("olga", "a funeral")
    assert await _tickets(office) == []
    quote = await office.quote("refund_order", {"order_id": id, "seat_ids": ["A-2-5"]})
    assert quote["policy"] == "Approved by the box office as an exception."
    assert (await office.act(quote)).status_code == 200
    again = await _refused(office, id)
    assert again["ticket_id"] != ticket
    assert (await _decide(office, ticket, "approve")).json()["status"] == "approved"
    assert (await _decide(office, ticket, "reject")).json()["code"] == "ticket_decided"
    assert (await _refused(office, id))["ticket_id"] == again["ticket_id"]


async def test_an_exception_lapses(office: Any) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    ticket = (await _refused(office, order["order_id"]))["ticket_id"]
    await _decide(office, ticket, "approve")
    quote = await office.quote("refund_order", {"order_id": order["order_id"]})
    office.clock.advance(timedelta(days=7) - office.clock.now().resolution)
    await office.quote("refund_order", {"order_id": order["order_id"]})
    office.clock.advance(timedelta(microseconds=1))
    assert (await _refused(office, order["order_id"]))["ticket_id"] != ticket
    assert (await office.act(quote)).json()["code"] == "quote_expired"


async def test_a_failed_effect_keeps_the_exception(open_box_office: Any, small_catalogue: Any) -> None:
    catalogue = small_catalogue()
    del catalogue["events"][0]["policies"]["upgrade"]
    async with open_box_office(catalogue=catalogue) as office:
        order = await office.buy(["B-A-4"])
        wanted = {"order_id": order["order_id"], "target_section": "A"}
        ticket = (await _refused(office, order["order_id"], "upgrade_tickets"))["ticket_id"]
        await _decide(office, ticket, "approve")
        await office.payments.store_method("ann", "tok_declined")
        response = await office.act(await office.quote("upgrade_tickets", wanted))
        assert response.json()["code"] == "payment_declined"
        await office.payments.store_method("ann", "tok_visa")
        assert (await office.act(await office.quote("upgrade_tickets", wanted))).status_code == 200
        assert (await _refused(office, order["order_id"], "upgrade_tickets"))["ticket_id"] != ticket


async def test_a_refused_exception_opens_no_second_ticket(office: Any) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    refused = await _refused(office, order["order_id"])
    ticket = refused["ticket_id"]
    assert refused["ticket_status"] == "asked"
    assert (await _decide(office, ticket, "close")).json()["code"] == "exception_asked"
    await _decide(office, ticket, "reject")
    again = await _refused(office, order["order_id"])
    assert again["ticket_id"] == ticket
    assert "made no exception" in again["detail"]
    assert again["ticket_status"] == "rejected"
    assert await _tickets(office) == []
    assert [t["ticket_id"] for t in await _tickets(office, "rejected")] == [ticket]


async def test_only_an_operator_sees_and_decides(office: Any) -> None:
    order = await office.buy(["A-2-5"], event_id="next-week")
    ticket = (await _refused(office, order["order_id"]))["ticket_id"]
    for caller in ("agent", "gateway"):
        assert (await office.raw("GET", "/support-tickets", caller=caller)).status_code == 403
        path = f"/support-tickets/{ticket}/approve"
        body = {"by": "x", "note": "y"}
        assert (await office.raw("POST", path, caller=caller, json=body)).status_code == 403
    assert (await _decide(office, "SUP_none", "approve")).status_code == 404
    asked = await office.ok("open_support_ticket", {"subject": "Lost glove", "details": "red"})
    assert (await _decide(office, asked["ticket_id"], "approve")).json()["code"] == "nothing_to_decide"
    assert (await _decide(office, asked["ticket_id"], "close")).json()["status"] == "closed"


async def test_tickets_come_in_pages(office: Any) -> None:
    for number in range(3):
        office.clock.advance(SECOND)
        await office.ok("open_support_ticket", {"subject": f"No. {number}", "details": "…"})
    found, cursor = [], None
    for _ in range(2):
        params = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = (await office.raw("GET", "/support-tickets", caller="cli", params=params)).json()
        found += [ticket["subject"] for ticket in page["tickets"]]
        cursor = page["next_cursor"]
    assert (found, cursor) == (["No. 0", "No. 1", "No. 2"], None)
    bad = await office.raw("GET", "/support-tickets", caller="cli", params={"cursor": "nonsense"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_cursor")

"""Finding events: typos, cities by their nicknames, local dates; and the rest of the reading endpoints."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from usher_local.seed import seed_catalogue
from usher_shared.contracts.tools import TOOLS


@pytest.fixture
async def seeded(open_box_office: Any) -> Any:
    async with open_box_office(catalogue=seed_catalogue(date(2026, 11, 20))) as office:
        yield office


async def _found(office: Any, **wanted: str) -> list[str]:
    return [event["event_id"] for event in (await office.ok("search_events", wanted, None))["events"]]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("comets gulls", "comets-gulls"),
        ("chicago comets vs harbor gulls", "comets-gulls"),
        ("Chicgo Comets harbour guls", "comets-gulls"),
        ("neon habor", "neon-harbor"),
        ("paperlanterns", "paper-lanterns"),
        ("the clockmakers daughter", "clockmaker-0"),
        ("redhawks", "tide-redhawks"),
        ("nadia brook", "late-laughs-0"),
        ("iron meridian tickets", "iron-meridian"),
        ("pacific bowl", "tide-redhawks"),
    ],
)
async def test_query(seeded: Any, query: str, first: str) -> None:
    assert (await _found(seeded, query=query))[0] == first


async def test_what_is_not_there_is_not_found(seeded: Any) -> None:
    for query in ("Quantum Llamas", "opera night of verdi", "zzzz"):
        assert await _found(seeded, query=query) == []


@pytest.mark.parametrize("city", ["Los Angeles", "LA", "los angles", "Los Angeles, CA", "L.A."])
async def test_cities(seeded: Any, city: str) -> None:
    events = (await seeded.ok("search_events", {"city": city}, None))["events"]
    assert {event["city"] for event in events} == {"Los Angeles"}


async def test_new_york_and_category(seeded: Any) -> None:
    assert await _found(seeded, city="NYC", category="comedy") == ["felix-arden"]
    assert await _found(seeded, city="nyc", category="Comedies") in (["felix-arden"], [])


async def test_dates_are_the_venues(seeded: Any) -> None:
    tonight = await _found(seeded, date="2026-11-20")
    assert set(tonight) == {"comets-gulls", "clockmaker-0", "late-laughs-0"}
    both = await _found(seeded, date="2026-11-20/2026-11-21", city="Chicago")
    assert both == ["comets-gulls", "neon-harbor"]
    response = await seeded.tool("search_events", {"date": "2026-02-30"}, None)
    assert (response.status_code, response.json()["code"]) == (400, "bad_date")
    for bad in ("0001-01-01", "2026-11-21/2026-11-20", "2026-01-01/2036-01-01"):
        assert (await seeded.tool("search_events", {"date": bad}, None)).status_code == 400
    assert (await seeded.tool("search_events", {"date": "tonight"}, None)).status_code == 422


async def test_only_upcoming_unless_a_date_is_given(seeded: Any) -> None:
    assert "comets-stags" not in await _found(seeded, query="comets")
    events = (await seeded.ok("search_events", {"query": "comets", "date": "2026-11-13"}, None))["events"]
    assert [(event["event_id"], event["status"]) for event in events] == [("comets-stags", "past")]
    seeded.clock.advance(timedelta(hours=8))  # it began a little ago: the arena sells for two hours more
    assert "comets-gulls" in await _found(seeded, query="comets")
    seeded.clock.advance(timedelta(hours=2))
    assert "comets-gulls" not in await _found(seeded, query="comets")


async def test_summary_and_info(seeded: Any) -> None:
    (event,) = (await seeded.ok("search_events", {"query": "comets gulls", "date": "2026-11-20"}, None))["events"]
    assert event["starts_at"] == "2026-11-20T19:30:00-06:00"
    assert event["local_start"] == "Fri 20 Nov 2026, 19:30"
    assert event["price_from"] == 45.0
    info = (await seeded.raw("GET", "/events/comets-gulls", caller="gateway")).json()
    assert sum(section["available"] for section in info["sections"]) == info["available"] == event["available"]
    assert info["venue_info"]["facts"]["parking"].startswith("Garage C")
    assert info["policies"]["refund"].startswith("Refunds until 24 hours before the start less 10%")
    listed = (await seeded.raw("GET", "/events", caller="gateway", params={"city": "London"})).json()
    assert {e["currency"] for e in listed["events"]} == {"GBP"}


async def test_tools_are_listed_and_guarded(office: Any) -> None:
    listed = (await office.raw("GET", "/tools")).json()
    assert [tool["function"]["name"] for tool in listed] == list(TOOLS)
    assert (await office.http.get("/tools")).status_code == 401
    assert (await office.raw("GET", "/tools", caller="webhooks")).status_code == 403
    assert (await office.http.get("/ready")).status_code == 200
    unknown = await office.tool("rob_bank", {})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_tool")
    bad = await office.tool("check_inventory", {"event_id": "tonight", "quantity": 0, "colour": "red"})
    assert bad.status_code == 422
    assert {error["field"] for error in bad.json()["errors"]} == {"quantity", "colour"}
    nobody = await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-1-1"]}, None)
    assert (nobody.status_code, nobody.json()["code"]) == (400, "customer_required")

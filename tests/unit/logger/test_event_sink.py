from __future__ import annotations

import itertools
import json
from typing import Any

import httpx2
import pytest


async def rows(client: httpx2.AsyncClient, table: str, **filters: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/rows/{table}", params=filters)
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


async def test_a_redelivered_event_is_one_row(client, push, make_event) -> None:
    event = make_event("ticket_purchased", "E1")
    answers = await push(event, event, event)
    answers += await push(event)
    assert {a.status_code for a in answers} == {204}
    assert [row["id"] for row in await rows(client, "events")] == ["E1"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_order_of_delivery_does_not_matter(client, push, make_event, order) -> None:
    events = [
        make_event("ticket_purchased", "E1", minutes_ago=30),
        make_event("ticket_upgraded", "E2", minutes_ago=20),
        make_event("ticket_refunded", "E3", minutes_ago=10, total_minor=10000, refunded_minor=20000),
    ]
    for index in order:
        await push(events[index])
    (row,) = await rows(client, "orders")
    assert (row["total_minor"], row["revenue_minor"], row["changes"]) == (10000, 10000, 3)
    assert row["status"] == "refunded"
    assert row["last_changed_at"] == "2026-11-20T11:50:00Z"


@pytest.mark.parametrize(
    ("given_back", "status"),
    [
        ({"kind": "exchange"}, "exchanged"),
        (
            {"kind": "exchange", "seats": [{"id": "A-5-12", "section": "A", "row": "5", "price_minor": 12000}]},
            "partially_exchanged",
        ),
        ({"kind": "credit"}, "credited"),
        ({"kind": "refund"}, "refunded"),
    ],
)
async def test_what_tickets_were_given_back_for(client, push, make_event, given_back, status) -> None:
    await push(make_event("ticket_purchased", "E1", minutes_ago=30))
    await push(make_event("ticket_refunded", "E2", minutes_ago=20, **given_back))
    (row,) = await rows(client, "orders", order_id="ORD_1")
    assert row["status"] == status


async def test_an_upgrade_that_comes_first_is_the_latest_state(client, push, make_event) -> None:
    await push(make_event("ticket_upgraded", "E2", minutes_ago=20))
    await push(make_event("ticket_purchased", "E1", minutes_ago=30))
    (row,) = await rows(client, "orders", order_id="ORD_1")
    assert (row["status"], row["total_minor"], row["revenue_minor"]) == ("upgraded", 30000, 30000)
    assert row["seats"][0]["id"] == "A-5-12"


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"{}",
        json.dumps(
            {"specversion": "1.0", "id": "X", "source": "s", "type": "usher.unknown.v1", "time": "2026-01-01T00:00:00Z"}
            | {"data": {}}
        ).encode(),
        json.dumps(
            {"specversion": "1.0", "id": "X", "source": "s", "type": "usher.error_occurred.v1", "data": {}}
            | {"time": "2026-01-01T00:00:00Z"}
        ).encode(),
        b'{"specversion":"1.0","id":"X","source":"s","type":"usher.error_occurred.v1","time":"2026-01-01T00:00:00Z",'
        b'"data":{"service":"a","code":"b","detail":"c","extra":"\\ud800"}}',
        b'{"specversion":"1.0","id":"X","source":"s","type":"usher.error_occurred.v1","time":"2026-01-01T00:00:00Z",'
        b'"data":{"service":"a","code":"b","detail":"c","extra":NaN}}',
    ],
    ids=["no json", "no event", "unknown type", "missing fields", "surrogate", "nan"],
)
async def test_a_poison_message_is_refused_for_good_and_its_neighbours_pass(client, push, make_event, body) -> None:
    poison, neighbour = await push(body, make_event("error_occurred", "E1"))
    assert (poison.status_code, poison.json()["code"]) == (400, "invalid_event")
    assert neighbour.status_code == 204
    assert [row["id"] for row in await rows(client, "events")] == ["E1"]


@pytest.mark.parametrize("text", ["\x00", "'; DROP TABLE events; --", "🎟️ ünïcode", "a" * 10_000])
async def test_odd_text_is_kept_as_it_is(client, push, make_event, text) -> None:
    (answer,) = await push(make_event("error_occurred", "E1", detail=text))
    assert answer.status_code == 204
    assert (await rows(client, "events"))[0]["data"]["detail"] == text
    assert (await rows(client, "errors"))[0]["service"] == "tools"


async def test_numbers_are_stored_canonically_and_unknown_fields_kept(client, push, make_event) -> None:
    await push(make_event("ticket_purchased", "E1", total_minor=24000.0, fees_minor="150", new_field={"a": 1}))
    (event,) = await rows(client, "events")
    assert event["data"]["total_minor"] == 24000
    assert event["data"]["fees_minor"] == 150
    assert event["data"]["new_field"] == {"a": 1}
    assert (await rows(client, "orders"))[0]["revenue_minor"] == 24000


async def test_only_the_bus_may_push(client, make_event) -> None:
    assert (await client.post("/push", json={})).status_code == 403
    assert (await client.post("/push", json={}, headers={"Authorization": "Bearer x"})).status_code == 401
    assert await rows(client, "events") == []

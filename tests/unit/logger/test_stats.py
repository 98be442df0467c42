from __future__ import annotations

import pytest


async def test_statistics_of_the_last_days(client, push, make_event) -> None:
    day = 24 * 60
    await push(
        make_event("ticket_purchased", "E1", minutes_ago=2 * day, order_id="ORD_1"),
        make_event("ticket_upgraded", "E2", minutes_ago=day, order_id="ORD_1"),
        make_event("ticket_refunded", "E3", minutes_ago=5, order_id="ORD_1"),
        make_event("ticket_purchased", "E4", order_id="ORD_2", currency="JPY", total_minor=9000),
        make_event("ticket_purchased", "E5", minutes_ago=10 * day, order_id="ORD_3"),
        make_event("conversation_completed", "E6"),
        make_event(
            "conversation_completed", "E7", conversation_id="CNV_2", success=False, ended_at="2026-11-20T11:01:00Z"
        ),
        make_event("chat_turn_completed", "E8"),
        make_event("error_occurred", "E9"),
        make_event("feedback_received", "EA"),
        make_event("feedback_received", "EB", minutes_ago=1, rating=-1),
    )
    stats = (await client.get("/stats", params={"days": 3})).json()
    assert stats["success_rate"] == 0.5
    assert stats["average_conversation_seconds"] == 90.0
    counted = ("conversations", "turns", "purchases", "upgrades", "refunds", "errors")
    assert [stats[name] for name in counted] == [2, 1, 2, 1, 1, 1]
    assert stats["revenue"] == {"JPY": 9000.0, "USD": 0.0}
    assert stats["feedback"] == {"positive": 0, "negative": 1}
    assert [d["date"] for d in stats["by_day"]] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert [d["revenue"].get("USD") for d in stats["by_day"]] == [240.0, 60.0, -300.0]
    assert [d["purchases"] for d in stats["by_day"]] == [1, 0, 1]
    assert [d["success_rate"] for d in stats["by_day"]] == [None, None, 0.5]


async def test_what_models_cost_by_day(client, push, make_event) -> None:
    def turn(id: str, **data):
        return make_event("chat_turn_completed", id, **{"conversation_id": f"CNV_{id}", "model_calls": 2, **data})

    counted = {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 60}
    await push(
        turn("E1", **counted, cost_nanos=1_500_000_000, models_passed_over=["gemini-2.5-pro", "qwen3"]),
        turn("E2", **counted, cost_nanos=500_000_000, minutes_ago=24 * 60),
        turn("E3", **counted, cost_nanos=None),
        turn("E4", model_calls=0, prompt_tokens=0, completion_tokens=0),
    )
    stats = (await client.get("/stats", params={"days": 2})).json()
    assert stats["models"] == {
        "prompt_tokens": 300,
        "completion_tokens": 30,
        "cached_tokens": 180,
        "cost_usd": 2.0,
        "turns_without_cost": 1,
        "turns_passed_on": 1,
    }
    assert [day["models"]["cost_usd"] for day in stats["by_day"]] == [0.5, 1.5]


async def test_an_empty_warehouse_has_no_rates(client) -> None:
    stats = (await client.get("/stats")).json()
    assert (stats["days"], len(stats["by_day"]), stats["success_rate"]) == (7, 7, None)
    assert stats["average_conversation_seconds"] is None
    assert stats["revenue"] == {}


@pytest.mark.parametrize("days", ["0", "367", "x"])
async def test_the_period_is_bounded(client, days) -> None:
    assert (await client.get("/stats", params={"days": days})).status_code == 422


async def test_rows_are_filtered_and_limited(client, push, make_event) -> None:
    await push(
        *[make_event("chat_turn_completed", f"E{n}", conversation_id=f"CNV_{n}", minutes_ago=n) for n in range(5)]
    )
    turns = (await client.get("/rows/turns", params={"limit": 2})).json()["rows"]
    assert [row["conversation_id"] for row in turns] == ["CNV_0", "CNV_1"]
    one = (await client.get("/rows/events", params={"conversation_id": "CNV_3"})).json()["rows"]
    assert [row["id"] for row in one] == ["E3"]
    none = (await client.get("/rows/events", params={"conversation_id": "' OR 1=1 --"})).json()["rows"]
    assert none == []
    assert (await client.get("/rows/turns", params={"order_id": "x"})).status_code == 400
    assert (await client.get("/rows/secrets")).status_code == 422


async def test_every_table_answers(client) -> None:
    for table in ("events", "orders", "conversations", "turns", "errors"):
        assert (await client.get(f"/rows/{table}")).json() == {"table": table, "rows": []}
    assert (await client.get("/ready")).json()["checks"] == {"warehouse": "ok"}


async def test_a_token_is_needed(client) -> None:
    client.headers.pop("Authorization")
    for path in ("/stats", "/rows/events"):
        assert (await client.get(path)).status_code == 401

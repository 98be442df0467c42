"""Orders, catalogue, feedback, webhooks, analytics, health, CORS."""

from __future__ import annotations

import asyncio
from typing import Any

from usher_shared.events.catalogue import FeedbackReceived, parse_data

CONVERSATION = "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S"
RATING = {"conversation_id": CONVERSATION, "message_id": "MSG_2", "rating": 1, "comment": "quick"}


async def test_orders_have_the_published_shape(gateway: Any) -> None:
    key = await gateway.key("orders", "act_as_customer")

    status, _, body = await gateway.call("GET", "/orders?customer_id=ada&limit=5&cursor=abc", headers=key)
    one = await gateway.call("GET", "/orders/ORD_1?customer_id=ada", headers=key)

    assert status == 200
    (order,) = body["orders"]
    assert order["seats"] == [{"id": "A-5-12", "section": "A", "row": "5", "price": 120.0}]
    assert order["history"] == [{"at": "2026-11-01T10:00:00Z", "change": "purchased", "amount": 132.0}]
    assert order["starts_at"] == "2026-11-20T19:30:00-05:00"
    assert body["next_cursor"] is None
    assert one[2] == order
    listed, read = gateway.tools.calls
    assert listed.query == {"customer_id": "ada", "limit": "5", "cursor": "abc"}
    assert (read.path, read.query, read.headers["Usher-Customer"]) == ("/orders/ORD_1", {"customer_id": "ada"}, "ada")


async def test_the_catalogue_is_searched_with_what_was_asked(gateway: Any) -> None:
    key = await gateway.key("chat")

    status, _, body = await gateway.call("GET", "/events?query=ham%20ilton&city=New%20York", headers=key)
    wrong = await gateway.call("GET", "/events?date=tomorrow", headers=key)

    assert (status, body) == (200, {"events": []})
    assert gateway.tools.calls[0].query == {"query": "ham ilton", "city": "New York", "limit": "100"}
    assert (wrong[0], wrong[2]["errors"][0]["field"]) == (422, "query.date")


async def test_feedback_is_kept_and_announced(gateway: Any) -> None:
    key = await gateway.key("chat", "act_as_customer")

    status, _, body = await gateway.call("POST", "/feedback?customer_id=ada", json=RATING, headers=key)
    await asyncio.wait_for(gateway.bus.arrived.wait(), 5)

    assert status == 201
    assert body["feedback_id"].startswith("FB_")
    kept = await gateway.store.get("feedback", f"{CONVERSATION}:MSG_2")
    assert (kept["rating"], kept["comment"], kept["customer_id"]) == (1, "quick", "ada")
    (published,) = gateway.bus.events
    assert parse_data(published) == FeedbackReceived(customer_id="ada", **RATING)
    assert (published.subject, published.orderingkey) == (CONVERSATION, CONVERSATION)
    assert gateway.agent.calls[0].headers["Usher-Customer"] == "ada"


async def test_a_comment_is_kept_without_personal_data(gateway: Any) -> None:
    key = await gateway.key("chat", "act_as_customer")
    told = {**RATING, "comment": "call +1 415 555 2671 or jo@example.com, card 4242 4242 4242 4242"}

    await gateway.call("POST", "/feedback?customer_id=ada", json=told, headers=key)
    await asyncio.wait_for(gateway.bus.arrived.wait(), 5)

    clean = "call [phone] or [email], card [card number removed]"
    assert (await gateway.store.get("feedback", f"{CONVERSATION}:MSG_2"))["comment"] == clean
    assert parse_data(gateway.bus.events[0]).comment == clean


async def test_feedback_under_one_key_is_announced_once(gateway: Any) -> None:
    key = {**await gateway.key(), "Idempotency-Key": "f1"}

    first = await gateway.call("POST", "/feedback", json=RATING, headers=key)
    again = await gateway.call("POST", "/feedback", json=RATING, headers=key)
    await asyncio.wait_for(gateway.bus.arrived.wait(), 5)

    assert (first[0], again[0], again[2]) == (201, 201, first[2])
    assert len(gateway.bus.events) == 1


async def test_feedback_is_for_replies_of_one_s_own(gateway: Any) -> None:
    key = {**await gateway.key(), "Idempotency-Key": "f1"}

    question = await gateway.call("POST", "/feedback", json={**RATING, "message_id": "MSG_1"}, headers=key)
    gateway.agent.answers.clear()
    foreign = await gateway.call("POST", "/feedback", json=RATING, headers={**key, "Idempotency-Key": "f2"})
    rating = await gateway.call("POST", "/feedback", json={**RATING, "rating": 5}, headers=key)

    assert (question[0], foreign[0], rating[0]) == (404, 404, 422)
    assert gateway.bus.events == []


async def test_webhooks_belong_to_the_client(gateway: Any) -> None:
    key = await gateway.key("webhooks")
    hook = {"webhook_id": "wh_1", "url": "https://example.org/hook", "events": ["*"], "status": "active"}
    gateway.webhooks.on("POST", "/webhooks/register", (201, {**hook, "secret": "whsec_x"}))
    gateway.webhooks.on("PATCH", "/webhooks/wh_1", hook)
    gateway.webhooks.on("DELETE", "/webhooks/wh_1", (204, None))
    gateway.webhooks.on("GET", "/webhooks/wh_1/deliveries", {"deliveries": [], "next_cursor": None})
    gateway.webhooks.on("POST", "/webhooks/wh_1/rotate-secret", {**hook, "secret": "whsec_y"})
    gateway.webhooks.on("POST", "/webhooks/wh_1/replay", (202, {"deliveries": 3}))

    made = await gateway.call("POST", "/webhooks/register", json={"url": hook["url"]}, headers=key)
    changed = await gateway.call("PATCH", "/webhooks/wh_1", json={"status": "disabled"}, headers=key)
    sent = await gateway.call("GET", "/webhooks/wh_1/deliveries?limit=5", headers=key)
    rotated = await gateway.call("POST", "/webhooks/wh_1/rotate-secret", headers=key)
    replayed = await gateway.call("POST", "/webhooks/wh_1/replay", json={"delivery_id": "d1"}, headers=key)
    ended = await gateway.call("DELETE", "/webhooks/wh_1", headers=key)
    refused = await gateway.call("POST", "/webhooks/register", json={"url": "ftp://x"}, headers=key)

    assert [a[0] for a in (made, changed, sent, rotated, replayed, ended)] == [201, 200, 200, 200, 202, 204]
    assert (made[2]["secret"], ended[2]) == ("whsec_x", "")
    calls = gateway.webhooks.calls
    assert [call.body for call in calls[:2]] == [{"url": hook["url"]}, {"status": "disabled"}]
    assert calls[2].query == {"limit": "5"}
    assert {call.headers["Usher-Client"] for call in calls} == {"shop"}
    assert refused[0] == 422


async def test_analytics(gateway: Any) -> None:
    key = await gateway.key("analytics")
    gateway.logger.on("GET", "/stats", {"days": 3})
    gateway.logger.on("GET", "/rows/orders", {"table": "orders", "rows": []})

    stats = await gateway.call("GET", "/stats?days=3", headers=key)
    rows = await gateway.call("GET", "/analytics/rows/orders?order_id=ORD_1&limit=2", headers=key)
    wrong = await gateway.call("GET", "/stats?days=0", headers=key)

    assert (stats[2], rows[2], wrong[0]) == ({"days": 3}, {"table": "orders", "rows": []}, 422)
    assert [call.query for call in gateway.logger.calls] == [{"days": "3"}, {"limit": "2", "order_id": "ORD_1"}]


async def test_readiness_names_what_it_checked(gateway: Any) -> None:
    status, _, body = await gateway.call("GET", "/ready")

    assert (status, body["checks"]) == (200, dict.fromkeys(("store", "agent", "tools", "limits", "cache"), "ok"))


async def test_browsers_may_call_from_allowed_origins_alone(start: Any) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    async with start(allowed_origins=("https://shop.example",)) as gateway:
        allowed = await gateway.call("OPTIONS", "/chat", headers={"Origin": "https://shop.example", **preflight})
        refused = await gateway.call("OPTIONS", "/chat", headers={"Origin": "https://evil.example", **preflight})
        answer = await gateway.call("GET", "/orders", headers={"Origin": "https://shop.example"})
        foreign = await gateway.call("GET", "/orders", headers={"Origin": "https://evil.example"})

    assert allowed[1]["Access-Control-Allow-Origin"] == "https://shop.example"
    assert refused[0] == 400
    assert answer[1]["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Origin" not in foreign[1]
    assert "Access-Control-Allow-Credentials" not in answer[1]
    assert (answer[0], answer[1]["WWW-Authenticate"]) == (401, "Bearer")
    readable = {name.strip() for name in answer[1]["Access-Control-Expose-Headers"].split(",")}
    assert {"WWW-Authenticate", "X-Request-Id", "Retry-After"} <= readable


async def test_no_origin_is_allowed_by_default(gateway: Any) -> None:
    answer = await gateway.call("GET", "/orders", headers={"Origin": "https://shop.example"})

    assert "Access-Control-Allow-Origin" not in answer[1]

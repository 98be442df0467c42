"""POST /chat, conversations and confirmations as a client sees them."""

from __future__ import annotations

from typing import Any

import pytest

CONVERSATION = "CONV_01JD0Z5Y3K8M6Q4W2E7R9T1A0S"


async def test_a_message_reaches_the_agent_for_the_client_s_own_customer(gateway: Any) -> None:
    status, headers, body = await gateway.call(
        "POST", "/chat", json={"message": "hello", "metadata": {"a": "b"}}, headers=await gateway.key()
    )

    assert (status, body["reply"]) == (200, "Which Friday do you mean?")
    (call,) = gateway.agent.calls
    assert (call.method, call.path) == ("POST", "/turns")
    assert call.body == {"message": "hello", "metadata": {"a": "b"}}
    assert (call.headers["Usher-Client"], call.headers["Usher-Customer"]) == ("shop", "app_shop")
    assert call.headers["X-Request-Id"] == headers["X-Request-Id"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


async def test_a_client_that_may_acts_for_the_customer_it_names(gateway: Any) -> None:
    key = await gateway.key("chat", "act_as_customer")

    status, _, _ = await gateway.call("POST", "/chat", json={"message": "hello", "customer_id": "ada"}, headers=key)

    assert status == 200
    assert gateway.agent.calls[0].headers["Usher-Customer"] == "ada"
    assert "customer_id" not in gateway.agent.calls[0].body


async def test_naming_a_customer_without_the_scope_is_forbidden(gateway: Any) -> None:
    key = await gateway.key("chat", "orders")

    in_body = await gateway.call("POST", "/chat", json={"message": "hello", "customer_id": "ada"}, headers=key)
    in_query = await gateway.call("GET", "/orders?customer_id=ada", headers=key)

    assert (in_body[0], in_body[2]["code"]) == (403, "missing_scope")
    assert (in_query[0], in_query[2]["code"]) == (403, "missing_scope")
    assert gateway.agent.calls == gateway.tools.calls == []


@pytest.mark.parametrize(
    ("method", "path", "upstream"),
    [
        ("GET", f"/conversations/{CONVERSATION}", f"/conversations/{CONVERSATION}"),
        ("POST", f"/conversations/{CONVERSATION}/end", f"/conversations/{CONVERSATION}/end"),
        ("POST", f"/conversations/{CONVERSATION}/cancel", f"/conversations/{CONVERSATION}/cancel"),
        ("DELETE", f"/conversations/{CONVERSATION}", f"/conversations/{CONVERSATION}"),
    ],
)
async def test_conversations_are_the_customer_s(gateway: Any, method: str, path: str, upstream: str) -> None:
    key = await gateway.key("chat", "act_as_customer")

    status, _, body = await gateway.call(method, f"{path}?customer_id=ada", headers=key)

    assert (status, body["conversation_id"]) == (200, CONVERSATION)
    (call,) = gateway.agent.calls
    assert (call.method, call.path, call.headers["Usher-Customer"]) == (method, upstream, "ada")


async def test_a_decision_is_passed_on_and_its_refusal_comes_back(gateway: Any) -> None:
    key = await gateway.key()
    approved = await gateway.call("POST", "/confirmations/CNF_1", json={"decision": "approve"}, headers=key)
    gateway.agent.on("POST", "/confirmations/", (409, {"detail": "the price changed", "code": "price_changed"}))
    late = await gateway.call("POST", "/confirmations/CNF_1", json={"decision": "approve"}, headers=key)

    assert approved[0] == 200
    assert gateway.agent.calls[0].body == {"decision": "approve"}
    assert (late[0], late[2]["code"], late[2]["detail"]) == (409, "price_changed", "the price changed")
    assert late[1]["Content-Type"] == "application/problem+json"


async def test_an_unreachable_agent_is_503_with_retry_after(start: Any) -> None:
    async with start(reachable=False) as gateway:
        key = await gateway.key()
        status, headers, body = await gateway.call("POST", "/chat", json={"message": "hello"}, headers=key)
        ready = await gateway.call("GET", "/ready")

    assert (status, body["code"]) == (503, "unavailable")
    assert int(headers["Retry-After"]) >= 1
    assert ready[0] == 503
    assert ready[2]["checks"]["agent"] != "ok"
    assert ready[2]["checks"]["tools"] == "ok"


async def test_a_refusal_between_services_is_not_the_caller_s_401(gateway: Any) -> None:
    gateway.agent.on("POST", "/turns", (401, {"detail": "bad token", "code": "bad_token"}))

    status, _, body = await gateway.call("POST", "/chat", json={"message": "hello"}, headers=await gateway.key())

    assert (status, body["code"]) == (502, "upstream_failed")

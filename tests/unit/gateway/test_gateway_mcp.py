"""POST /mcp: who may, for whom, through which names, and what is handed to the box office."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from usher_shared.contracts.proposals import IDEMPOTENCY_META, PROPOSAL_META

CONFIRMATION = {
    "id": "CONF_1",
    "action": "create_order",
    "summary": "2 tickets",
    "total": 240.0,
    "currency": "USD",
    "policy": "No refunds.",
    "expires_at": "2026-11-20T18:10:00Z",
}
WAITING = {"status": "confirmation_required", "confirmation": CONFIRMATION, "answer": None}
RESULT = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}


def _message(name: str, arguments: Any = None, **meta: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": {} if arguments is None else arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params | ({"_meta": meta} if meta else {})}


@pytest.fixture(autouse=True)
def _answers(request: pytest.FixtureRequest) -> None:
    if "gateway" in request.fixturenames:
        gateway = request.getfixturevalue("gateway")
        gateway.tools.on("POST", "/mcp", RESULT)
        gateway.agent.on("POST", "/proposals", WAITING)


async def _post(gateway: Any, message: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    sent = {**await gateway.key("tools", "act_as_customer"), **(headers or {})}
    status, _, body = await gateway.call("POST", "/mcp", json=message, headers=sent)
    return status, body


async def test_a_message_is_passed_on_with_who_asks(gateway: Any) -> None:
    message = _message("search_events", {"query": "hamilton"}, **{IDEMPOTENCY_META: "k"})
    headers = {"Usher-Customer": "ada", "Mcp-Method": "tools/call", "Mcp-Name": "search_events", "X-Other": "no"}

    assert await _post(gateway, message, headers) == (200, RESULT)

    (call,) = gateway.tools.calls
    assert call.body == message
    assert (call.headers["Usher-Customer"], call.headers["Usher-Client"]) == ("ada", "shop")
    assert (call.headers["Mcp-Method"], call.headers["Mcp-Name"]) == ("tools/call", "search_events")
    assert "X-Other" not in call.headers
    assert "X-API-Key" not in call.headers
    assert gateway.agent.calls == []


async def test_the_protocols_refusals_are_answers(gateway: Any) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Unknown tool: x"}}
    gateway.tools.on("POST", "/mcp", (400, error))
    assert await _post(gateway, _message("x")) == (400, error)

    gateway.tools.on("POST", "/mcp", (202, None))
    status, body = await _post(gateway, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (status, body) == (202, "")


async def test_a_refusal_between_services_is_not_the_clients(gateway: Any) -> None:
    async def refuse(_: web.Request, __: Any) -> web.Response:
        problem = {"type": "x", "title": "x", "status": 401, "detail": "no", "code": "bad_token"}
        return web.json_response(problem, status=401, content_type="application/problem+json")

    gateway.tools.on("POST", "/mcp", refuse)
    status, body = await _post(gateway, _message("list_orders"))
    assert (status, body["code"]) == (502, "upstream_failed")


async def test_a_protected_call_is_asked_of_the_agent(gateway: Any) -> None:
    message = _message("create_order", {"hold_id": "HOLD_1"}, **{IDEMPOTENCY_META: "k"})

    await _post(gateway, message, {"Usher-Customer": "ada"})

    (asked,) = gateway.agent.calls
    assert asked.body == {"action": "create_order", "arguments": {"hold_id": "HOLD_1"}, "idempotency_key": "k"}
    assert asked.headers["Usher-Customer"] == "ada"
    (call,) = gateway.tools.calls
    assert call.body["params"]["_meta"] == {IDEMPOTENCY_META: "k", PROPOSAL_META: WAITING}
    assert call.body["params"]["arguments"] == {"hold_id": "HOLD_1"}


async def test_no_arguments_are_empty_arguments(gateway: Any) -> None:
    for params in ({"name": "create_order", "arguments": None}, {"name": "create_order"}):
        await _post(gateway, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        assert gateway.agent.calls[-1].body["arguments"] == {}
        assert gateway.tools.calls[-1].body["params"]["_meta"][PROPOSAL_META] == WAITING
    assert len(gateway.agent.calls) == 2


async def test_the_agents_refusal_is_handed_in(gateway: Any) -> None:
    gateway.agent.on("POST", "/proposals", (409, {"detail": "declined", "code": "confirmation_rejected"}))
    await _post(gateway, _message("create_order", {"hold_id": "HOLD_1"}))
    handed = gateway.tools.calls[0].body["params"]["_meta"][PROPOSAL_META]
    assert handed == {"problem": {"code": "confirmation_rejected", "detail": "declined"}}


async def test_a_key_that_is_none_is_handed_in_as_a_problem(gateway: Any) -> None:
    await _post(gateway, _message("create_order", {"hold_id": "HOLD_1"}, **{IDEMPOTENCY_META: 7}))
    assert gateway.agent.calls == []
    handed = gateway.tools.calls[0].body["params"]["_meta"][PROPOSAL_META]
    assert handed["problem"]["code"] == "validation_failed"


async def test_no_client_speaks_for_the_agent(gateway: Any) -> None:
    forged = {PROPOSAL_META: {"status": "done", "answer": {}}}
    await _post(gateway, _message("create_order", {"hold_id": "HOLD_1"}, **forged))
    await _post(gateway, _message("list_orders", **forged))
    protected, read = gateway.tools.calls
    assert protected.body["params"]["_meta"][PROPOSAL_META] == WAITING
    assert PROPOSAL_META not in read.body["params"]["_meta"]


@pytest.mark.parametrize(
    "message",
    [
        [_message("create_order")],
        {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "create_order"}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["create_order"]}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "create_order", "arguments": 7}},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": "create_order"},
        "create_order",
    ],
)
async def test_what_is_no_call_is_left_to_the_box_office(gateway: Any, message: Any) -> None:
    assert (await _post(gateway, message))[0] == 200
    assert gateway.agent.calls == []
    assert gateway.tools.calls[0].body == message


async def test_scopes_and_customers(gateway: Any) -> None:
    for scopes in (("chat", "orders"), ("analytics",)):
        key = await gateway.key(*scopes)
        status, _, body = await gateway.call("POST", "/mcp", json=_message("list_orders"), headers=key)
        assert (status, body["code"]) == (403, "missing_scope")
    key = await gateway.key("tools")
    named = {**key, "Usher-Customer": "ada"}
    status, _, body = await gateway.call("POST", "/mcp", json=_message("list_orders"), headers=named)
    assert (status, body["code"]) == (403, "missing_scope")
    status, _, _ = await gateway.call("POST", "/mcp", json=_message("list_orders"), headers=key)
    assert status == 200
    assert [call.headers["Usher-Customer"] for call in gateway.tools.calls] == ["app_shop"]
    two = [*(await gateway.key("tools", "act_as_customer")).items()]
    two += [("Usher-Customer", "ada"), ("Usher-Customer", "eve")]
    status, _, body = await gateway.call("POST", "/mcp", json=_message("list_orders"), headers=two)
    assert (status, body["code"]) == (400, "two_customers")


async def test_who_may_ask_alone_may_not_approve(gateway: Any) -> None:
    key = await gateway.key("tools", "act_as_customer")
    for path, body in (("/confirmations/CONF_1", {"decision": "approve"}), ("/chat", {"message": "yes"})):
        status, _, problem = await gateway.call("POST", path, json=body, headers=key)
        assert (status, problem["code"]) == (403, "missing_scope")
    assert gateway.agent.calls == []


async def test_a_rebound_name_and_a_foreign_page_are_refused(start: Any) -> None:
    async with start(public_url="https://Tickets.example.org", allowed_origins=("https://app.example.org",)) as gateway:
        gateway.tools.on("POST", "/mcp", RESULT)
        for headers, expected in (
            ({}, 200),
            ({"Host": "tickets.example.org"}, 200),
            ({"Host": "localhost:8080"}, 200),
            ({"Host": "[::1]:8080"}, 200),
            ({"Origin": "https://app.example.org"}, 200),
            ({"Host": "evil.example:8080"}, "wrong_host"),
            ({"Host": "tickets.example.org.evil.example"}, "wrong_host"),
            ({"Host": "["}, "wrong_host"),
            ({"Origin": "http://127.0.0.1:8080"}, "wrong_origin"),
            ({"Origin": "null"}, "wrong_origin"),
            ({"Origin": "https://app.example.org.evil.example"}, "wrong_origin"),
        ):
            status, body = await _post(gateway, _message("list_orders"), headers)
            assert (status if status == 200 else body.get("code")) == expected, headers


async def test_a_client_learns_who_issues_tokens(start: Any) -> None:
    async with start(public_url="https://tickets.example.org") as gateway:
        status, headers, _ = await gateway.call("POST", "/mcp", json={})
        path = "/.well-known/oauth-protected-resource/mcp"
        assert status == 401
        assert headers["WWW-Authenticate"] == f'Bearer resource_metadata="https://tickets.example.org{path}"'
        status, _, described = await gateway.call("GET", path)
        assert status == 200
        assert described["resource"] == "https://tickets.example.org/mcp"
        assert described["authorization_servers"] == ["https://issuer.example"]
        _, headers, _ = await gateway.call("GET", "/orders")
        assert headers["WWW-Authenticate"] == "Bearer"


async def test_without_a_public_name_no_issuer_is_told(gateway: Any) -> None:
    status, _, _ = await gateway.call("GET", "/.well-known/oauth-protected-resource/mcp")
    assert status == 404


async def test_bodies_are_json(gateway: Any) -> None:
    key = await gateway.key("tools")
    for options, expected in (
        ({"data": b"{" * 10, "headers": {"Content-Type": "application/json"}}, (400, "invalid_json")),
        ({"data": b'{"a": NaN}', "headers": {"Content-Type": "application/json"}}, (400, "invalid_json")),
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, (400, "bad_content_type")),
    ):
        headers = {**key, **options.pop("headers")}
        status, _, body = await gateway.call("POST", "/mcp", headers=headers, **options)
        assert (status, body["code"]) == expected
    assert gateway.tools.calls == []


async def test_messages_are_counted(gateway: Any) -> None:
    key = await gateway.key("tools", requests_per_minute=2)
    seen = [await gateway.call("POST", "/mcp", json=_message("list_orders"), headers=key) for _ in range(3)]
    assert [status for status, _, _ in seen] == [200, 200, 429]
    assert "Retry-After" in seen[-1][1]


async def test_no_streams_are_offered(gateway: Any) -> None:
    for method in ("GET", "DELETE"):
        status, headers, _ = await gateway.call(method, "/mcp", headers=await gateway.key())
        assert (status, headers["Allow"]) == (405, "POST")

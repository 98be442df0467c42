"""The box office as an MCP server, by the official client: the same tools, the same gate as POST /tools."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from box_office import SECRET, BoxOffice
from mcp_client import LEGACY, MODERN, answer, connected, problem
from served import Served, free_port
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, PROTECTED_ACTIONS
from usher_shared.contracts.proposals import IDEMPOTENCY_META, PROPOSAL_META, REPLAYED_META
from usher_shared.contracts.tools import TOOLS
from usher_shared.contracts.tools.offering import IDENTITY_FIELDS
from usher_shared.http.tokens import LocalTokenSource
from usher_tools.mcp.sessions import Sessions

both_ways = pytest.mark.parametrize("mode", [MODERN, LEGACY])
PROTECTED = sorted(PROTECTED_ACTIONS & set(TOOLS))


@dataclasses.dataclass
class Door:
    """The served app; `as_` connects in the name of a customer."""

    office: BoxOffice
    url: str

    async def headers(self, customer: str | None, caller: str, **more: str) -> dict[str, str]:
        token = await LocalTokenSource(caller, SECRET).token("tools")
        named = {"Usher-Customer": customer, "Usher-Client": "shop"} if customer else {}
        return {"Authorization": f"Bearer {token}", **named, **more}

    async def as_(
        self, customer: str | None, *, caller: str = "gateway", mode: str = MODERN, **headers: str
    ) -> AbstractAsyncContextManager[Client]:
        return connected(self.url, await self.headers(customer, caller, **headers), mode=mode)


@pytest.fixture
async def door(office: Any) -> AsyncIterator[Door]:
    served = Served(lambda: office.app, free_port(), lifespan=False)
    await served.start()
    yield Door(office, served.url + "/mcp")
    await served.stop()


@both_ways
async def test_the_list_is_the_contracts(door: Door, mode: str) -> None:
    async with await door.as_("ann", mode=mode) as client:
        listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == list(TOOLS)
    for tool in listed:
        known = TOOLS[tool.name].schema()["function"]
        assert tool.description == known["description"]
        properties = known["parameters"].get("properties", {})
        assert tool.input_schema.get("properties", {}) == {
            name: schema for name, schema in properties.items() if name not in IDENTITY_FIELDS
        }
        required = [name for name in known["parameters"].get("required", []) if name not in IDENTITY_FIELDS]
        assert tool.input_schema.get("required", []) == required
        assert tool.output_schema is not None
        hints = tool.annotations
        assert hints is not None
        # a quote is stored and keeps a hold for longer: a client that asks before writes has to ask
        assert hints.read_only_hint == tool.name.startswith(("get", "list", "search", "check"))
        if tool.name in PROTECTED_ACTIONS:
            assert (hints.destructive_hint, hints.idempotent_hint) == (True, True)


@both_ways
async def test_a_customer_finds_holds_and_gives_back(door: Door, mode: str) -> None:
    async with await door.as_("ann", mode=mode) as client:  # the client checks answers against their schemas
        (event,) = answer(await client.call_tool("search_events", {"query": "comets"}))["events"]
        info = answer(await client.call_tool("get_event_info", {"event_id": event["event_id"]}))
        assert info["venue_info"]["name"] == "Union Hall"
        wanted = {"event_id": event["event_id"], "quantity": 2}
        seats = answer(await client.call_tool("check_inventory", wanted))["seats"]
        chosen = {"event_id": event["event_id"], "seat_ids": [seat["id"] for seat in seats[:2]]}
        hold = answer(await client.call_tool("hold_tickets", chosen))
        asked = {"action": "create_order", "arguments": {"hold_id": hold["hold_id"], "customer_id": "bob"}}
        quote = answer(await client.call_tool("quote", asked))
        assert quote["arguments"]["customer_id"] == "ann"
        assert answer(await client.call_tool("release_hold", {"hold_id": hold["hold_id"]}))["status"] == "released"
        assert answer(await client.call_tool("list_orders", {}))["orders"] == []


@both_ways
@pytest.mark.parametrize("caller", ["gateway", "agent", "cli"])
async def test_what_charges_needs_a_recorded_yes(door: Door, mode: str, caller: str) -> None:
    order = await door.office.buy(["A-2-5"])
    hold = await door.office.hold(["A-3-5"])
    before = await door.office.free()
    ids = {"hold_id": hold["hold_id"], "order_id": order["order_id"]}
    async with await door.as_("ann", caller=caller, mode=mode) as client:
        for name in PROTECTED:
            known = TOOLS[name].arguments.model_fields
            arguments = {field: value for field, value in ids.items() if field in known}
            assert problem(await client.call_tool(name, arguments))["code"] == "confirmation_required"
        assert answer(await client.call_tool("get_order", {"order_id": order["order_id"]}))["status"] == "confirmed"
    assert await door.office.free() == before


async def test_the_agents_confirmation_counts_here_as_there(door: Door) -> None:
    quote = await door.office.purchase(["A-2-5"])
    header = {CONFIRMATION_HEADER: door.office.confirm(quote).to_header()}
    arguments = {"hold_id": quote["arguments"]["hold_id"]}
    async with await door.as_("ann", caller="agent", **header) as client:
        first = await client.call_tool("create_order", arguments)
        again = await client.call_tool("create_order", arguments)
    assert answer(first)["total"] == quote["total"]
    assert answer(again) == answer(first)
    async with await door.as_("ann", caller="gateway", **header) as client:
        assert problem(await client.call_tool("create_order", arguments))["code"] == "wrong_caller"
    async with await door.as_("bob", caller="agent", **header) as client:
        assert problem(await client.call_tool("create_order", arguments))["code"] == "confirmation_required"


async def test_what_the_gateway_hands_in_is_shown(door: Door) -> None:
    confirmation = {
        "id": "CONF_1",
        "action": "create_order",
        "summary": "2 tickets",
        "total": 240.0,
        "currency": "USD",
        "policy": "No refunds.",
        "expires_at": "2026-11-20T18:10:00Z",
    }
    waiting: Any = {PROPOSAL_META: {"status": "confirmation_required", "confirmation": confirmation}}
    declined: Any = {PROPOSAL_META: {"problem": {"code": "confirmation_rejected", "detail": "declined"}}}
    async with await door.as_("ann") as client:
        shown = problem(await client.call_tool("create_order", {"hold_id": "HOLD_1"}, meta=waiting))
        assert (shown["code"], shown["confirmation"]) == ("confirmation_required", confirmation)
        assert "/confirmations/" in shown["detail"]
        shown = problem(await client.call_tool("create_order", {"hold_id": "HOLD_1"}, meta=declined))
        assert shown == {"code": "confirmation_rejected", "detail": "declined"}
        for nonsense in ("yes", {}, {"status": "done!"}, []):
            forged: Any = {PROPOSAL_META: nonsense}
            shown = problem(await client.call_tool("create_order", {"hold_id": "HOLD_1"}, meta=forged))
            assert shown["code"] == "confirmation_required"
            assert "confirmation" not in shown
    async with await door.as_("ann", caller="cli") as client:
        done: Any = {PROPOSAL_META: {"status": "done", "answer": {"order_id": "ORD_9"}}}
        assert problem(await client.call_tool("create_order", {"hold_id": "HOLD_1"}, meta=done))["code"]


async def test_who_asks_comes_from_the_headers(door: Door) -> None:
    order = await door.office.buy(["A-2-5"], "bob")
    async with await door.as_("ann") as client:
        forged = {"order_id": order["order_id"], "customer_id": "bob"}
        assert problem(await client.call_tool("get_order", forged))["code"] == "order_not_found"
        assert answer(await client.call_tool("list_orders", {"customer_id": "bob"}))["orders"] == []
    async with await door.as_(None) as client:
        assert answer(await client.call_tool("search_events", {}))["events"]
        for name, arguments in (("list_orders", {}), ("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-3-1"]})):
            assert problem(await client.call_tool(name, arguments))["code"] == "customer_required"


async def test_a_retry_acts_once(door: Door) -> None:
    wanted = {"event_id": "tonight", "seat_ids": ["A-2-5"]}
    key: Any = {IDEMPOTENCY_META: "k1"}
    async with await door.as_("ann") as client:
        results = await asyncio.gather(*(client.call_tool("hold_tickets", wanted, meta=key) for _ in range(50)))
        done = [answer(result) for result in results if not result.is_error]
        assert done
        assert all(held == done[0] for held in done)
        busy = {problem(result)["code"] for result in results if result.is_error}
        assert busy <= {"idempotency_in_flight"}
        again = await client.call_tool("hold_tickets", wanted, meta=key)
        assert answer(again) == done[0]
        assert (again.meta or {})[REPLAYED_META] is True
        other = await client.call_tool("hold_tickets", {**wanted, "seat_ids": ["A-2-6"]}, meta=key)
        assert problem(other)["code"] == "idempotency_key_reused"
        for bad in (7, "", "x" * 256, "a\nb", None):
            meta: Any = {IDEMPOTENCY_META: bad}
            result = await client.call_tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-4-1"]}, meta=meta)
            assert result.is_error == (bad is not None)
    async with await door.as_("bob") as client:  # keys are each customer's own
        taken = problem(await client.call_tool("hold_tickets", wanted, meta=key))
        assert taken["code"] == "seats_taken"


async def test_fifty_customers_at_once_are_kept_apart(door: Door) -> None:
    async def look(number: int) -> tuple[str, str]:
        customer = f"cus-{number}"
        async with await door.as_(customer) as client:
            wanted = {"action": "create_order", "arguments": {"hold_id": "HOLD_none"}}
            refused = problem(await client.call_tool("quote", wanted))
            ticket = {"subject": customer, "details": "where is the lift?"}
            return refused["code"], answer(await client.call_tool("open_support_ticket", ticket))["ticket_id"]

    seen = await asyncio.gather(*(look(number) for number in range(50)))
    assert {code for code, _ in seen} == {"hold_not_found"}
    tickets = {id: await door.office.store.get("support_tickets", id) for _, id in seen}
    assert len(tickets) == 50
    assert all(ticket and ticket["customer_id"] == ticket["subject"] for ticket in tickets.values())


@both_ways
async def test_errors(door: Door, mode: str) -> None:
    async with await door.as_("ann", mode=mode) as client:
        with pytest.raises(MCPError, match="Unknown tool: sell_the_house"):
            await client.call_tool("sell_the_house", {})
        refused = problem(await client.call_tool("check_inventory", {"event_id": "tonight", "quantity": "many"}))
        assert refused["code"] == "validation_failed"
        assert [error["field"] for error in refused["errors"]] == ["quantity"]
        unknown = problem(await client.call_tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["Z"], "pay": 1}))
        assert unknown["code"] == "validation_failed"
        assert problem(await client.call_tool("get_event_info", {"event_id": "none"}))["code"] == "event_not_found"


class _Broken:
    async def run(self, *_: Any) -> Any:
        raise RuntimeError("the password is swordfish")


@both_ways
async def test_what_fails_unexpectedly_tells_nothing(door: Door, mode: str) -> None:
    broken = Sessions(dataclasses.replace(door.office.office, box_office=_Broken()))
    door.office.app.state.mcp = broken
    async with await door.as_("ann", mode=mode) as client:
        shown = problem(await client.call_tool("search_events", {}))
    await broken.stop()
    assert shown["code"] == "internal_error"
    assert "swordfish" not in json.dumps(shown)


async def test_only_services_may_call(door: Door) -> None:
    response = await door.office.http.post("/mcp", json={})
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    for caller in ("webhooks", "bus", "logger"):
        response = await door.office.raw("POST", "/mcp", caller=caller, json={})
        assert (response.status_code, response.json()["code"]) == (403, "wrong_caller")


@pytest.mark.parametrize("version", [None, "2025-11-25", "2026-07-28", "1999-01-01"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 5_000,
        b'{"jsonrpc": "2.0", "id": ' + b"9" * 5_000 + b', "method": "tools/list"}',
        b'{"jsonrpc": "1.0", "id": 1, "method": "tools/list"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 7}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "create_order", "arguments": []}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": {}}',
        b'[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "create_order"}}]',
    ],
)
async def test_nonsense_is_refused_and_does_no_harm(office: Any, content: bytes, version: str | None) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if version:
        headers["MCP-Protocol-Version"] = version
    response = await office.raw("POST", "/mcp", caller="gateway", customer="ann", content=content, headers=headers)
    if response.status_code == 200:
        assert "error" in response.json()
    else:
        assert 400 <= response.status_code < 500, response.text


async def test_no_streams_are_offered(office: Any) -> None:
    for method in ("GET", "DELETE", "PUT"):
        response = await office.raw(method, "/mcp")
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@both_ways
async def test_a_client_outlives_the_server(open_box_office: Any, mode: str) -> None:
    port = free_port()
    async with open_box_office() as office:
        served = Served(lambda: office.app, port, lifespan=False)
        await served.start()
        door = Door(office, served.url + "/mcp")
        async with await door.as_("ann", mode=mode) as client:
            hold = answer(await client.call_tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-2-5"]}))
            await served.stop()
            async with open_box_office() as other:  # on the same files
                served = Served(lambda: other.app, port, lifespan=False)
                await served.start()
                asked = {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}}
                assert answer(await client.call_tool("quote", asked))["total"] > hold["subtotal"]
                await served.stop()

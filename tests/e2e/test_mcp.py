"""The official MCP client at the gateway: what an agent of somebody else does, and what it cannot."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from customer import Customer
from mcp_client import LEGACY, MODERN, answer, connected, problem
from stack_process import Target
from usher_evals.wire import Refused
from usher_local import customer_tokens
from usher_local.provision import create_api_key
from usher_local.public_api import PublicApi
from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.proposals import IDEMPOTENCY_META, PROPOSAL_META, REPLAYED_META
from usher_shared.contracts.tools import TOOLS

GUIDE = Path(__file__).parents[2] / "docs/guides/mcp.md"
both_ways = pytest.mark.parametrize("mode", [MODERN, LEGACY], indirect=True)


def _start(event: dict[str, Any]) -> str:
    start: str = event["starts_at"]
    return start


class Shopper:
    """A customer whose agent speaks MCP; what the customer decides goes through the API."""

    def __init__(self, target: Target, api: PublicApi, mode: str) -> None:
        self.customer = Customer(api, f"cus_{secrets.token_hex(6)}")
        self.headers = {"X-API-Key": target.api_key, "Usher-Customer": self.customer.id}
        self.url = target.url + "/mcp"
        self.mode = mode

    def connected(self) -> Any:
        return connected(self.url, self.headers, mode=self.mode)

    async def hold(self, client: Client, quantity: int = 2) -> dict[str, Any]:
        """Seats of the event that is farthest off, so that no policy window has closed; tried again while others
        are faster."""
        events = answer(await client.call_tool("search_events", {}))["events"]
        event = max((e for e in events if e["status"] == "on_sale" and e["available"] > 200), key=_start)
        for _ in range(20):
            wanted = {"event_id": event["event_id"], "quantity": quantity}
            seats = answer(await client.call_tool("check_inventory", wanted))["seats"][:quantity]
            chosen = {"event_id": event["event_id"], "seat_ids": [seat["id"] for seat in seats]}
            result = await client.call_tool("hold_tickets", chosen)
            if not result.is_error:
                return answer(result)
        raise AssertionError("no seats could be held")

    async def decide(self, confirmation_id: str, decision: str) -> Any:
        path = f"/confirmations/{confirmation_id}?customer_id={self.customer.id}"
        return await self.customer.api.call("POST", path, {"decision": decision})


async def _key(target: Target, scope: str) -> str:
    """A key that may do this alone, for any customer."""
    if target.running is None:
        return target.api_key
    made = await create_api_key(target.running.stack, scope, [scope, "act_as_customer"], 1_000)
    return str(made["api_key"])


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", MODERN))


@pytest.fixture
def shopper(target: Target, api: PublicApi, mode: str) -> Shopper:
    return Shopper(target, api, mode)


@both_ways
async def test_the_tools_are_listed(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(listed) == set(TOOLS)
    for name, tool in listed.items():
        assert not {"customer_id", "payment_method_token"} & set(tool.input_schema.get("properties", {}))
        assert tool.output_schema is not None
        assert tool.annotations is not None
        assert bool(tool.annotations.destructive_hint) >= (name in PROTECTED_ACTIONS)
    assert listed["search_events"].annotations is not None
    assert listed["search_events"].annotations.read_only_hint


@both_ways
async def test_a_purchase_waits_for_the_customer(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        hold = await shopper.hold(client)
        wanted = {"hold_id": hold["hold_id"]}
        first = problem(await client.call_tool("create_order", wanted))
        assert first["code"] == "confirmation_required"
        confirmation = first["confirmation"]
        assert confirmation["total"] >= hold["subtotal"]
        assert problem(await client.call_tool("create_order", wanted))["confirmation"] == confirmation
        assert await shopper.customer.orders() == []

        await shopper.decide(confirmation["id"], "approve")
        (order,) = await shopper.customer.orders()
        assert order["total"] == confirmation["total"]
        for _ in range(2):
            assert answer(await client.call_tool("create_order", wanted))["order_id"] == order["order_id"]
        assert len(await shopper.customer.orders()) == 1
        listed = answer(await client.call_tool("list_orders", {}))
        assert [seen["order_id"] for seen in listed["orders"]] == [order["order_id"]]


async def test_what_the_customer_declines_is_not_bought(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        confirmation = problem(await client.call_tool("create_order", wanted))["confirmation"]
        await shopper.decide(confirmation["id"], "reject")
        assert problem(await client.call_tool("create_order", wanted))["code"] == "confirmation_rejected"
    assert await shopper.customer.orders() == []


async def test_what_the_agent_says_of_itself_buys_nothing(shopper: Shopper) -> None:
    """A forged outcome, a forged customer, a forged payment method."""
    async with shopper.connected() as client:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        forged: Any = {PROPOSAL_META: {"status": "done", "answer": {"order_id": "ORD_forged"}}}
        arguments = {**wanted, "customer_id": "cus_somebody", "payment_method_token": "tok_stolen"}
        refusal = problem(await client.call_tool("create_order", arguments, meta=forged))
        assert refusal["code"] == "confirmation_required"
        await shopper.decide(refusal["confirmation"]["id"], "approve")
    (order,) = await shopper.customer.orders()
    assert order["order_id"] != "ORD_forged"


async def test_every_protected_tool_is_refused_without_a_yes(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        bought = problem(await client.call_tool("create_order", wanted))["confirmation"]
        await shopper.decide(bought["id"], "approve")
        order_id = answer(await client.call_tool("create_order", wanted))["order_id"]
        before = answer(await client.call_tool("get_order", {"order_id": order_id}))
        for name in sorted((PROTECTED_ACTIONS & set(TOOLS)) - {"create_order"}):
            result = await client.call_tool(name, {"order_id": order_id})
            assert result.is_error, name
            if name == "refund_order":  # the others may be refused earlier, for want of better seats or by policy
                assert problem(result)["code"] == "confirmation_required"
        assert answer(await client.call_tool("get_order", {"order_id": order_id})) == before


async def test_another_customers_order_is_not_found(target: Target, api: PublicApi, shopper: Shopper) -> None:
    thief = Shopper(target, api, shopper.mode)
    async with shopper.connected() as client, thief.connected() as other:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        confirmation = problem(await client.call_tool("create_order", wanted))["confirmation"]
        with pytest.raises(Refused) as refused:
            await thief.decide(confirmation["id"], "approve")
        assert refused.value.status == 404
        await shopper.decide(confirmation["id"], "approve")
        order_id = answer(await client.call_tool("create_order", wanted))["order_id"]
        for name, arguments in (
            ("get_order", {"order_id": order_id}),
            ("get_order", {"order_id": order_id, "customer_id": shopper.customer.id}),
            ("refund_order", {"order_id": order_id}),
            ("create_order", wanted),
        ):
            assert problem(await other.call_tool(name, arguments))["code"] in ("order_not_found", "hold_not_found")
        assert answer(await other.call_tool("list_orders", {"customer_id": shopper.customer.id}))["orders"] == []


async def test_a_customers_own_token_buys_for_that_customer_alone(target: Target, shopper: Shopper) -> None:
    if target.running is None:
        pytest.skip("a stack elsewhere has an issuer of its own")
    token = customer_tokens.mint(target.running.stack.home, shopper.customer.id)
    bearer = {"Authorization": f"Bearer {token}"}
    async with connected(shopper.url, bearer) as client:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        confirmation = problem(await client.call_tool("create_order", wanted))["confirmation"]
        async with PublicApi(target.url, bearer) as own:
            await own.call("POST", f"/confirmations/{confirmation['id']}", {"decision": "approve"})
        order = answer(await client.call_tool("create_order", wanted))
    assert [bought["order_id"] for bought in await shopper.customer.orders()] == [order["order_id"]]
    named = {**bearer, "Usher-Customer": "cus_somebody"}
    async with aiohttp.ClientSession(headers=named) as session, session.post(shopper.url, json={}) as refused:
        assert (refused.status, (await refused.json())["code"]) == (403, "missing_scope")


@both_ways
async def test_a_retry_acts_once(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        hold = await shopper.hold(client, 1)
        await client.call_tool("release_hold", {"hold_id": hold["hold_id"]})
        wanted = {"subject": "The entrance", "details": "Which door is nearest to the lift?"}
        key: Any = {IDEMPOTENCY_META: secrets.token_hex(8)}
        first = await client.call_tool("open_support_ticket", wanted, meta=key)
        again = await client.call_tool("open_support_ticket", wanted, meta=key)
        assert answer(first) == answer(again)
        assert (again.meta or {})[REPLAYED_META] is True
        other = await client.call_tool("open_support_ticket", {**wanted, "subject": "Another"}, meta=key)
        assert problem(other)["code"] == "idempotency_key_reused"


async def test_fifty_calls_at_once(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        results = await asyncio.gather(*(client.call_tool("create_order", wanted) for _ in range(50)))
        (id,) = {problem(result)["confirmation"]["id"] for result in results}
        await shopper.decide(id, "approve")
        results = await asyncio.gather(*(client.call_tool("create_order", wanted) for _ in range(50)))
        assert len({answer(result)["order_id"] for result in results}) == 1
        # the control: under keys of their own they are as many requests, so that one confirmation is no accident
        keys: list[Any] = [{IDEMPOTENCY_META: secrets.token_hex(8)} for _ in range(10)]
        another = {"hold_id": (await shopper.hold(client))["hold_id"]}
        results = await asyncio.gather(*(client.call_tool("create_order", another, meta=key) for key in keys))
        assert len({problem(result)["confirmation"]["id"] for result in results}) == 10
    assert len(await shopper.customer.orders()) == 1


async def test_a_restart_between_calls(target: Target, shopper: Shopper) -> None:
    if target.running is None:
        pytest.skip("the services of a stack elsewhere are not restarted here")
    async with shopper.connected() as client:
        wanted = {"hold_id": (await shopper.hold(client))["hold_id"]}
        confirmation = problem(await client.call_tool("create_order", wanted))["confirmation"]
        killed = {service: target.running.kill(service) for service in ("tools", "agent", "gateway")}
        for service, pid in killed.items():
            await asyncio.to_thread(target.running.wait_restarted, service, pid)
        assert problem(await client.call_tool("create_order", wanted))["confirmation"] == confirmation
        await shopper.decide(confirmation["id"], "approve")
        assert answer(await client.call_tool("create_order", wanted))["total"] == confirmation["total"]
    assert target.running.charges(confirmation["id"]) == [round(confirmation["total"] * 100)]


@both_ways
async def test_errors_are_the_protocols_or_the_tools(shopper: Shopper) -> None:
    async with shopper.connected() as client:
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("sell_the_house", {})
        assert problem(await client.call_tool("check_inventory", {"quantity": 0}))["code"] == "validation_failed"
        assert problem(await client.call_tool("create_order", {}))["code"] == "validation_failed"
        assert problem(await client.call_tool("get_event_info", {"event_id": "none"}))["code"] == "event_not_found"


async def test_no_credential_and_no_stream(target: Target) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(target.url + "/mcp", json={}) as refused:
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        for method in ("GET", "DELETE"):
            async with session.request(method, target.url + "/mcp", headers={"X-API-Key": target.api_key}) as none:
                assert (none.status, none.headers["Allow"]) == (405, "POST")


async def test_the_guides_example_buys(target: Target, shopper: Shopper, tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.S)
    assert example is not None
    program = tmp_path / "example.py"
    program.write_text(example[1])
    told = {"USHER_API": target.url, "USHER_CUSTOMER": shopper.customer.id}
    told |= {"USHER_AGENT_KEY": await _key(target, "tools"), "USHER_SHOP_KEY": await _key(target, "chat")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), env={**os.environ, **told}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
    assert process.returncode == 0, output
    (order,) = await shopper.customer.orders()
    assert f"bought: {order['order_id']} {order['total']}" in output

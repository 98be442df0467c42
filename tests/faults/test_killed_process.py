"""Any one process is killed with SIGKILL in the middle of a sale: order, webhook and rows are there, once."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from customer import Customer, event_with_most_seats, warehouse_orders
from stack_process import RunningStack, start_stack, stop_stack
from usher_local.public_api import PublicApi
from usher_local.stack import SERVICES
from usher_local.webhook_receiver import webhook_receiver


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    stack = start_stack(tmp_path_factory.mktemp("faults"))
    try:
        yield stack
    finally:
        stop_stack(stack)


@pytest.mark.parametrize("moment", ["before the yes", "during the yes"])
@pytest.mark.parametrize("service", SERVICES)
async def test_the_walk_survives(running: RunningStack, service: str, moment: str) -> None:
    async with PublicApi(running.url, {"X-API-Key": running.api_key}) as api, webhook_receiver() as receiver:
        webhook = await api.call("POST", "/webhooks/register", {"url": receiver.url, "events": ["ticket_purchased"]})
        receiver.secret = webhook["secret"]
        customer = Customer(api, retry=True)
        confirmation = (await customer.want(await event_with_most_seats(api)))["confirmation"]
        if moment == "before the yes":
            pid = running.kill(service)
            await customer.say("yes")
        else:
            said = asyncio.create_task(customer.say("yes"))
            await asyncio.sleep(0.01)  # let the request go out: the point is to hit it in flight
            pid = running.kill(service)
            await said
        await asyncio.to_thread(running.wait_restarted, service, pid)
        (order,) = await customer.wait_for_orders()  # the honest reply may have been that it is being checked
        assert order["total"] == confirmation["total"]
        assert len(await warehouse_orders(api, order["order_id"])) == 1
        await receiver.wait_for("ticket_purchased", 60)
        await asyncio.to_thread(running.wait_drained)
        events = [e for e in receiver.of_type("ticket_purchased") if e["data"]["order_id"] == order["order_id"]]
        assert len(events) == 1
        assert running.charges(confirmation["id"]) == [round(order["total"] * 100)], "charged other than once"
        await api.call("DELETE", f"/webhooks/{webhook['webhook_id']}")


async def _frames(response: aiohttp.ClientResponse, into: dict[int, dict[str, Any]]) -> None:
    """The numbered events of a stream; one that comes again has to be the same."""
    number = None
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: ") and number is not None:
            frame = json.loads(line[6:])
            assert into.setdefault(number, frame) == frame
            number = None


@pytest.mark.parametrize("frames_before", [1, 4, 12])
async def test_a_stream_goes_on_after_the_agent_was_killed(running: RunningStack, frames_before: int) -> None:
    """One gapless stream under one run id, through a kill -9: it ends, and nothing in it was done twice."""
    customer, conversation = f"cus_{secrets.token_hex(6)}", f"CONV_{secrets.token_hex(12)}"
    seen: dict[int, dict[str, Any]] = {}
    keyed = {"X-API-Key": running.api_key, "Accept": "text/event-stream", "Idempotency-Key": secrets.token_hex(12)}
    async with PublicApi(running.url, {"X-API-Key": running.api_key}) as api, aiohttp.ClientSession() as session:
        event = await event_with_most_seats(api)
        body = {
            "message": f"2 tickets for {event['name']} in {event['city']} please",
            "customer_id": customer,
            "conversation_id": conversation,
        }

        async def speak() -> None:
            async with session.post(f"{running.url}/chat", json=body, headers=keyed) as response:
                await _frames(response, seen)

        speaking = asyncio.create_task(speak())
        while len(seen) < frames_before and not speaking.done():  # noqa: ASYNC110  the stream itself is the event
            await asyncio.sleep(0.001)
        pid = running.kill("agent")
        await asyncio.gather(speaking, return_exceptions=True)
        await asyncio.to_thread(running.wait_restarted, "agent", pid)
        resumed = {"X-API-Key": running.api_key, "Last-Event-ID": str(max(seen, default=0))}
        url = f"{running.url}/conversations/{conversation}/events?customer_id={customer}"
        async with session.get(url, headers=resumed) as response:
            await _frames(response, seen)
        assert sorted(seen) == list(range(1, len(seen) + 1))
        types = [seen[number]["type"] for number in sorted(seen)]
        assert (types[0], types[-1], types.count("RUN_STARTED")) == ("RUN_STARTED", "RUN_FINISHED", 1)
        assert "RUN_ERROR" not in types
        assert len({seen[number]["runId"] for number in (1, len(seen))}) == 1
        results = [frame["toolCallId"] for frame in seen.values() if frame["type"] == "TOOL_CALL_RESULT"]
        assert len(results) == len(set(results))
        first = dict(seen)
        while True:  # the key is in flight for as long as the lease of the gateway's first attempt
            async with session.post(f"{running.url}/chat", json=body, headers=keyed) as response:
                if response.status != 409:
                    assert response.status == 200
                    await _frames(response, seen)
                    break
            await asyncio.sleep(0.3)
        assert seen == first  # the same events again, and no other turn

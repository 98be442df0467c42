"""Any one process is killed with SIGKILL in the middle of a sale: order, webhook and rows are there, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

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

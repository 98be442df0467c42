"""The embedded stack's walks, unchanged, on the compose stack; then its containers are killed, each in a sale.

Not the emulators of Pub/Sub and Firestore: killed, they forget, as Google's services do not.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from compose.conftest import ROOT
from customer import Customer, event_with_most_seats, warehouse_orders
from usher_local.compose import HOST_FROM_CONTAINERS, ComposeStack
from usher_local.public_api import PublicApi
from usher_local.webhook_receiver import webhook_receiver
from usher_shared.cloud import SERVICES


def test_the_end_to_end_tests_pass(stack: ComposeStack, api_key: str) -> None:
    env = {
        **os.environ,
        "USHER_E2E_URL": stack.url,
        "USHER_E2E_KEY": api_key,
        "USHER_RECEIVER_HOST": HOST_FROM_CONTAINERS,
    }
    command = [sys.executable, "-m", "pytest", "tests/e2e/test_walk.py", "-p", "no:cacheprovider", "-n", "0"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + stack.logs("gateway", "agent", "tools", "logger")[-4000:]


@pytest.mark.parametrize("service", [*SERVICES, "setup", "redis", "bigquery"])
async def test_a_sale_survives_the_kill_of(service: str, stack: ComposeStack, api: PublicApi) -> None:
    async with webhook_receiver() as receiver:
        webhook = await api.call("POST", "/webhooks/register", {"url": receiver.url, "events": ["ticket_purchased"]})
        receiver.secret = webhook["secret"]
        customer = Customer(api, retry=True)
        confirmation = (await customer.want(await event_with_most_seats(api)))["confirmation"]
        container = await asyncio.to_thread(stack.container, service)
        said = asyncio.create_task(customer.say("yes"))
        killed = await asyncio.create_subprocess_exec("docker", "kill", container, stdout=asyncio.subprocess.DEVNULL)
        assert await killed.wait() == 0
        await asyncio.to_thread(stack.start, service)
        await said
        await stack.until_ready([service] if service in SERVICES else [])
        (order,) = await customer.wait_for_orders(90)
        assert order["total"] == confirmation["total"]
        assert len(await warehouse_orders(api, order["order_id"], 90)) == 1
        await receiver.wait_for("ticket_purchased", 90)
        events = [e for e in receiver.of_type("ticket_purchased") if e["data"]["order_id"] == order["order_id"]]
        assert len(events) == 1
        await api.call("DELETE", f"/webhooks/{webhook['webhook_id']}")

"""The whole stack in front of a venue's own ticketing system: customers notice nothing of it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from pathlib import Path

from customer import Customer
from reference_partner import Venue
from served import Served, free_port
from stack_process import start_stack, stop_stack
from usher_local.public_api import PublicApi
from usher_local.webhook_receiver import webhook_receiver


async def test_the_chat_sells_what_the_venue_has(tmp_path: Path) -> None:
    venue = Venue(secrets.token_hex(16), lambda: datetime.now(UTC))
    server = Served(lambda: venue.app, free_port())
    await server.start()
    settings = {"USHER_TOOLS_PARTNER_URL": server.url, "USHER_TOOLS_PARTNER_KEY": venue.key}
    stack = await asyncio.to_thread(start_stack, tmp_path, settings)
    try:
        async with PublicApi(stack.url, {"X-API-Key": stack.api_key}) as api, webhook_receiver() as receiver:
            wanted = {"url": receiver.url, "events": ["ticket_purchased"]}
            receiver.secret = (await api.call("POST", "/webhooks/register", wanted))["secret"]
            customer = Customer(api)
            asked = await customer.propose("2 tickets for Opera Gala please", "Those are fine, please book them")
            assert asked["confirmation"]["total"] == 185.0
            assert venue.orders == {}
            await customer.say("yes")
            (order,) = await customer.wait_for_orders()
            assert list(venue.orders) == [order["order_id"]]
            event = await receiver.wait_for("ticket_purchased", 60)
            assert event["data"]["order_id"] == order["order_id"]
        keys = {key for tool, key in venue.calls if tool == "create_order"}
        assert keys == {asked["confirmation"]["id"]}
        logs = "".join(path.read_text("utf-8", "replace") for path in stack.stack.logs.glob("*"))
        assert venue.key not in logs
    finally:
        await asyncio.to_thread(stop_stack, stack)
        await server.stop()

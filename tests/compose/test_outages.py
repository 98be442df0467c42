"""Each dependency is stopped while customers talk: what they are told, what /ready says, that nothing is lost.

USHER_OUTAGE_REPORT names a file that gets a line of JSON for each outage: docs/operations.md is written from it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from customer import Customer, event_with_most_seats, warehouse_orders
from usher_evals.wire import NoAnswer, Refused
from usher_local.compose import ComposeStack
from usher_local.public_api import PublicApi

ASKS = {"firestore": "tools", "pubsub": "agent", "redis": "gateway", "bigquery": "logger"}  # who depends on it most
CUSTOMERS = 4
OUTAGE_SECONDS = 8.0
ANSWER_SECONDS = 30.0


async def outcome_of(api: PublicApi, method: str, path: str, body: Any = None) -> str:
    """Status and problem code of one call, as a client without patience sees it."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await api.call(method, path, body)
    except Refused as error:
        return f"{error.status} {error.code}"
    except (NoAnswer, TimeoutError) as error:
        return type(error).__name__
    return "200"


async def keep_buying(api: PublicApi, event: dict[str, Any], over: asyncio.Event) -> list[tuple[float, str]]:
    """(when, order id) of every sale until `over`; a customer who repeats what failed, as a good client does."""
    sales = []
    while not over.is_set():
        customer = Customer(api, retry=True)
        await customer.want(event)
        said = time.monotonic()
        await customer.say("yes")
        sales += [(said, str(order["order_id"])) for order in await customer.wait_for_orders()]
    return sales


async def watch(
    api: PublicApi, stack: ComposeStack, service: str, seen: dict[str, Counter[str]], over: asyncio.Event
) -> None:
    """What a read, a message, the gateway's /ready and that of whoever asks the service come to, until `over`."""
    async with aiohttp.ClientSession() as session:
        while not over.is_set():
            seen["GET /events"][await outcome_of(api, "GET", "/events")] += 1
            body = {"message": "what is on tonight?", "customer_id": "cus_watching"}
            seen["POST /chat"][await outcome_of(api, "POST", "/chat", body)] += 1
            async with session.get(f"{stack.url}/ready") as answer:
                checks = (await answer.json())["checks"]
                bad = ", ".join(sorted(name for name, state in checks.items() if state != "ok"))
                seen["gateway /ready"][f"{answer.status} {bad}".strip()] += 1
            told = await stack.readiness(ASKS[service])
            bad = ", ".join(sorted(name for name, state in told["checks"].items() if state != "ok"))
            seen[f"{ASKS[service]} /ready"][f"{told['status']} {bad}".strip()] += 1


@pytest.mark.parametrize("service", ["firestore", "pubsub", "redis", "bigquery"])
async def test_nothing_is_lost_while_it_is_away(service: str, stack: ComposeStack, api: PublicApi) -> None:
    event = await event_with_most_seats(api)
    over, back = asyncio.Event(), asyncio.Event()
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    buyers = [asyncio.create_task(keep_buying(api, event, over)) for _ in range(CUSTOMERS)]
    await asyncio.sleep(2)  # sales are under way
    stopped = time.monotonic()
    await asyncio.to_thread(stack.stop, service)
    gone = time.monotonic()
    watching = asyncio.create_task(watch(api, stack, service, seen, back))
    await asyncio.sleep(OUTAGE_SECONDS)  # the length of the outage
    back.set()
    await watching
    await asyncio.to_thread(stack.start, service)
    started = time.monotonic()
    await stack.until_ready([ASKS[service]])
    recovered = time.monotonic()
    over.set()
    sales = [sale for bought in await asyncio.gather(*buyers) for sale in bought]
    # the emulator keeps messages in memory: what it had taken and not delivered when it was stopped is gone
    forgetful = service == "pubsub"
    kept = [order for when, order in sales if not forgetful or when > gone]
    assert kept, "nothing was sold"
    rows = await asyncio.gather(*(warehouse_orders(api, order, 120) for order in kept))
    report = {
        "service": service,
        "outage_seconds": round(started - stopped, 1),
        "ready_again_seconds": round(recovered - started, 1),
        "sales": len(sales),
        "sold_during_outage": sum(gone < when < started for when, _ in sales),
        "seen": seen,
        "rows_missing": sum(not found for found in rows),
        "rows_double": sum(len(found) > 1 for found in rows),
    }
    if "USHER_OUTAGE_REPORT" in os.environ:
        with Path(os.environ["USHER_OUTAGE_REPORT"]).open("a") as file:  # noqa: ASYNC230  a line
            file.write(json.dumps(report) + "\n")
    assert [len(found) for found in rows] == [1] * len(kept), report
    assert len({order for _, order in sales}) == len(sales)

"""`usher demo`: the walk of one sale, by a scripted customer over public HTTP, on a stack of its own.

The customer knows what he wants (facts), answers the questions he is asked, and reads the structured confirmation
before saying yes. Every claim printed is checked; the exit code tells.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from usher_evals.wire import NoAnswer, Refused
from usher_local.compose import HOST_FROM_CONTAINERS, ComposeStack
from usher_local.provision import create_api_key, seed_if_empty
from usher_local.public_api import PublicApi
from usher_local.shown import marked
from usher_local.stack import consecutive_ports
from usher_local.supervisor import running_stack
from usher_local.webhook_receiver import WebhookReceiver, webhook_receiver
from usher_shared.errors import UsherError

_CUSTOMER = f"cus_demo_{secrets.token_hex(3)}"  # a stack that is kept has had others
_SCOPES = ["chat", "orders", "act_as_customer", "webhooks", "analytics"]
_WAREHOUSE_SECONDS = 20.0
_CONVERSATIONS = 3


class DemoFailed(Exception):
    """A step did not do what it should."""


_FAILURES = (DemoFailed, Refused, NoAnswer, UsherError, TimeoutError)


class Customer:
    """One conversation of the demo's customer."""

    def __init__(self, api: PublicApi, console: Console) -> None:
        self._api = api
        self._console = console
        self.conversation_id: str | None = None
        self.replies: list[str] = []

    async def say(self, message: str) -> dict[str, Any]:
        self._console.print(f"  [bold cyan]customer[/] {marked(message)}")
        body = {"message": message, "customer_id": _CUSTOMER}
        if self.conversation_id:
            body["conversation_id"] = self.conversation_id
        answer: dict[str, Any] = await self._api.call("POST", "/chat", body)
        self.conversation_id = answer["conversation_id"]
        for call in answer["tool_calls"]:
            self._console.print(f"           [dim]· {call['name']} → {call['status']} ({call['latency_ms']:.0f} ms)[/]")
        self._console.print(f"  [bold magenta]usher[/]    {marked(answer['reply'])}")
        self.replies.append(answer["reply"])
        return answer

    async def leave(self) -> None:
        await self._api.call("POST", f"/conversations/{self.conversation_id}/end?customer_id={_CUSTOMER}")

    async def until_confirmation(self, *messages: str) -> dict[str, Any]:
        """Say these in turn until a confirmation is asked for. Raises DemoFailed when none was."""
        for message in messages:
            answer = await self.say(message)
            if answer["confirmation"]:
                confirmation: dict[str, Any] = answer["confirmation"]
                return confirmation
        raise DemoFailed("no confirmation was proposed")


def _require(condition: bool, claim: str, console: Console) -> None:
    if not condition:
        raise DemoFailed(claim)
    console.print(f"  [green]✓[/] {marked(claim)}")


def _adjacent(seats: list[dict[str, Any]]) -> bool:
    """Same section and row, consecutive numbers (the last number in each seat id)."""
    numbers = sorted(int(re.findall(r"\d+", seat["id"])[-1]) for seat in seats)
    one_row = len({(seat["section"], seat["row"]) for seat in seats}) == 1
    return one_row and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _is_tonight(event: dict[str, Any]) -> bool:
    zone = ZoneInfo(event["time_zone"])
    return datetime.fromisoformat(event["starts_at"]).astimezone(zone).date() == datetime.now(zone).date()


async def _choose_events(api: PublicApi) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tonight's event with the most free seats, and one that is sold out."""
    events: list[dict[str, Any]] = (await api.call("GET", "/events"))["events"]
    tonight = [e for e in events if e["status"] == "on_sale" and _is_tonight(e)]
    sold_out = [e for e in events if e["status"] == "sold_out"]
    if not tonight or not sold_out:
        raise DemoFailed(f"the catalogue has {len(tonight)} events tonight and {len(sold_out)} sold out: needs both")
    return max(tonight, key=lambda e: int(e["available"])), sold_out[0]


async def _buy(api: PublicApi, event: dict[str, Any], console: Console) -> dict[str, Any]:
    console.rule("two adjacent seats tonight")
    customer = Customer(api, console)
    confirmation = await customer.until_confirmation(
        "Hi! 2 tickets tonight, next to each other and not too far up, under $80 each please",
        f"{event['name']} in {event['city']}",
        "Those look good, I'd like to buy them",
        "Please book those two seats",
    )
    _require(
        confirmation["total"] > 0, f"the total is stated: {confirmation['total']} {confirmation['currency']}", console
    )
    _require(bool(confirmation["policy"]), f"the policy is stated: {confirmation['policy']}", console)
    before = (await api.call("GET", f"/orders?customer_id={_CUSTOMER}"))["orders"]
    _require(not before, "nothing is charged before the yes", console)
    await customer.say("yes, please go ahead")
    await customer.leave()
    orders = (await api.call("GET", f"/orders?customer_id={_CUSTOMER}"))["orders"]
    _require(len(orders) == 1, "exactly one order exists after the yes", console)
    order: dict[str, Any] = orders[0]
    _require(order["total"] == confirmation["total"], "it was charged exactly what was confirmed", console)
    _require(len(order["seats"]) == 2 and _adjacent(order["seats"]), "the two seats are adjacent", console)
    return order


async def _upgrade(api: PublicApi, order: dict[str, Any], console: Console) -> dict[str, Any]:
    console.rule("an upgrade within a limit")
    limit = 150
    customer = Customer(api, console)
    confirmation = await customer.until_confirmation(
        f"Can you upgrade my seats for order {order['order_id']}? I'd pay up to ${limit} more in total",
        "Yes, the best you have within that limit",
        "Please upgrade me",
    )
    _require(
        0 <= confirmation["total"] <= limit, f"the price delta is within the limit: {confirmation['total']}", console
    )
    await customer.say("yes")
    await customer.leave()
    upgraded: dict[str, Any] = await api.call("GET", f"/orders/{order['order_id']}?customer_id={_CUSTOMER}")
    _require(upgraded["seats"] != order["seats"], "the order has better seats now", console)
    _require(
        upgraded["total"] == order["total"] + confirmation["total"], "the total grew by exactly the delta", console
    )
    return upgraded


async def _sold_out(api: PublicApi, event: dict[str, Any], console: Console) -> None:
    console.rule("what is sold out")
    customer = Customer(api, console)
    answer = await customer.say(f"4 tickets for {event['name']} please")
    await customer.leave()
    _require(answer["confirmation"] is None, "nothing is offered for what is sold out", console)
    _require("sold out" in answer["reply"].lower(), "the customer is told so", console)


async def _traces(api: PublicApi, receiver: WebhookReceiver, order: dict[str, Any], console: Console) -> None:
    console.rule("what the sale left behind")
    for change in order["history"]:
        console.print(f"  [dim]order[/]     {change['at']}  {marked(change['change'])}  {change['amount']}")
    for name in ("ticket_purchased", "ticket_upgraded"):
        event = await receiver.wait_for(name)
        same = event["data"]["order_id"] == order["order_id"]
        _require(same, f"webhook {name} received, signature verified: {event['id']}", console)
    row = await _until(lambda: _order_row(api, order["order_id"]))
    _require(
        row["total_minor"] == round(order["total"] * 100), "the warehouse has the order, once, as it is now", console
    )
    shown = ("order_id", "status", "event_name", "seat_count", "total_minor", "currency", "changes")
    console.print(f"  [dim]warehouse[/] {marked(str({key: row[key] for key in shown}))}")
    stats = await _until(lambda: _stats(api))
    console.print(f"  [dim]stats[/]     {marked(str({k: v for k, v in stats.items() if not isinstance(v, list)}))}")


async def _until(look: Callable[[], Awaitable[dict[str, Any] | None]]) -> dict[str, Any]:
    """What is found within the time that events may take. Raises DemoFailed."""
    deadline = time.monotonic() + _WAREHOUSE_SECONDS
    while time.monotonic() < deadline:
        found = await look()
        if found is not None:
            return found
        await asyncio.sleep(0.1)  # the warehouse is eventually consistent and offers no wait
    raise DemoFailed("the warehouse did not hear of it in time")


async def _order_row(api: PublicApi, order_id: str) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = (await api.call("GET", f"/analytics/rows/orders?order_id={order_id}"))["rows"]
    if len(rows) > 1:
        raise DemoFailed(f"the warehouse has the order {len(rows)} times")
    return rows[0] if rows and rows[0]["status"] == "upgraded" else None


async def _stats(api: PublicApi) -> dict[str, Any] | None:
    stats: dict[str, Any] = await api.call("GET", "/stats?days=7")
    return stats if stats["conversations"] >= _CONVERSATIONS else None


async def _walk(api: PublicApi, receiver: WebhookReceiver, console: Console) -> None:
    tonight, sold_out = await _choose_events(api)
    webhook = await api.call(
        "POST",
        "/webhooks/register",
        {"url": receiver.url, "events": ["ticket_purchased", "ticket_upgraded"], "description": "the demo's endpoint"},
    )
    receiver.secret = webhook["secret"]
    console.print(f"  [dim]webhook {webhook['webhook_id']} → {receiver.url}[/]")
    order = await _buy(api, tonight, console)
    order = await _upgrade(api, order, console)
    await _sold_out(api, sold_out, console)
    await _traces(api, receiver, order, console)


async def run_demo(console: Console, keep: Path | None) -> int:
    """On an embedded stack of its own: 0 when everything that was claimed was seen, 1 when not."""
    started = time.monotonic()

    def report(service: str, what: str) -> None:
        console.print(f"  [dim]{time.monotonic() - started:5.1f} s[/] {service} {what}")

    with tempfile.TemporaryDirectory(prefix="usher-demo-") as temporary:
        home = (keep or Path(temporary)).resolve()
        console.rule("a stack of its own, on free ports")
        try:
            async with running_stack(home, consecutive_ports(0), report) as (stack, _), webhook_receiver() as receiver:
                console.print(f"  catalogue: {await seed_if_empty(stack)}")
                key = (await create_api_key(stack, "demo", _SCOPES, 1200))["api_key"]
                async with PublicApi(stack.url("gateway"), {"X-API-Key": key}) as api:
                    await _walk(api, receiver, console)
        except _FAILURES as error:
            console.print(f"[bold red]The demo failed: {marked(str(error) or type(error).__name__)}[/]")
            console.print(f"[dim]logs: {home / 'logs'} (run with --keep FOLDER to keep them)[/]")
            return 1
    console.print(f"[bold green]All of it held, in {time.monotonic() - started:.0f} s.[/] Next: make run, make chat")
    return 0


async def run_compose_demo(console: Console, stack: ComposeStack, *, keep: bool) -> int:
    """The same walk on the compose stack; `keep` leaves it running."""
    started = time.monotonic()
    console.rule(f"the compose stack, its gateway on {stack.url}")
    try:
        await stack.up(shown=True)
        console.print(f"  [dim]{time.monotonic() - started:5.1f} s[/] ready")
        key = stack.create_key("demo", 1200)
        await stack.until_seeded(key)
        os.environ.setdefault("USHER_RECEIVER_HOST", HOST_FROM_CONTAINERS)
        async with webhook_receiver() as receiver, PublicApi(stack.url, {"X-API-Key": key}) as api:
            await _walk(api, receiver, console)
        counted = stack.execute("redis", "redis-cli", "dbsize").strip()
        _require(
            counted.split()[-1] != "0", f"Redis counts the requests and keeps the catalogue: {counted} keys", console
        )
    except _FAILURES as error:
        console.print(f"[bold red]The demo failed: {marked(str(error) or type(error).__name__)}[/]")
        console.print(f"[dim]{marked(stack.logs())}[/]")
        return 1
    finally:
        if not keep:
            stack.down()
    console.print(f"[bold green]All of it held, in {time.monotonic() - started:.0f} s.[/]")
    if keep:
        console.print(f"  it runs on: API {stack.url}; stop it with: {' '.join(stack.command)} down --volumes")
    return 0

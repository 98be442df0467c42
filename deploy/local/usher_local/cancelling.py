"""`usher events cancel`: end an event's sale and watch everybody get their money back."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from usher_local.shown import clean
from usher_local.stack import Stack
from usher_shared.contracts.money import format_money, to_minor

_LOOK_SECONDS = 1.0


def money(amount: float, currency: str) -> str:
    return format_money(to_minor(amount, currency), currency)


def sentence(progress: dict[str, Any]) -> str:
    """How it stands, for a person."""
    currency = progress["currency"]
    words = f"{progress['refunded']} of {progress['orders']} orders refunded"
    words += f", {money(progress['refunded_amount'], currency)}"
    if progress["pending"]:
        words += f"; {progress['pending']} still to come, {money(progress['pending_amount'], currency)}"
    if progress["failed"]:
        words += f"; {progress['failed']} refused by the provider, {money(progress['failed_amount'], currency)}"
    return words


async def cancel_event(stack: Stack, event_id: str, reason: str, console: Console) -> dict[str, Any]:
    """Cancel it and follow the refunds to their end; interrupted, they go on without us. Raises NotFound."""
    async with stack.client("cli", "tools") as tools:
        found: dict[str, Any] = await tools.call("POST", f"/events/{event_id}/cancel", json={"reason": reason})
        console.print(clean(f"{found['event_name']} is cancelled: nothing of it is sold any more."), markup=False)
        columns = (TextColumn("refunding"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pending]}"))
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("refunds", total=None, pending="")
            while found["status"] == "running":
                await asyncio.sleep(_LOOK_SECONDS)
                found = await tools.call("GET", f"/events/{event_id}/cancellation")
                left = money(found["pending_amount"], found["currency"]) + " left"
                bar.update(task, total=found["orders"] or None, completed=found["refunded"], pending=left)
    return found

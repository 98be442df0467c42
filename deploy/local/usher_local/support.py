"""`usher support`: what customers asked support for, and exceptions from policies that an operator grants."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from usher_local.shown import cell, clean
from usher_local.stack import usual_stack

support_app = typer.Typer(help="Support tickets, and exceptions from a policy.", no_args_is_help=True)
console = Console()

_Ticket = Annotated[str, typer.Argument(help="SUP_…, as `usher support list` shows it")]
_Note = Annotated[str, typer.Option(help="why; kept with the ticket")]
_By = Annotated[str, typer.Option(help="who decides", default_factory=getpass.getuser)]


async def _call(method: str, path: str, **more: Any) -> Any:
    async with usual_stack().client("cli", "tools") as tools:
        return await tools.call(method, path, **more)


@support_app.command("list")
def support_list(
    status: Annotated[str, typer.Option(help="open, approved, rejected or closed")] = "open",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
) -> None:
    """Tickets, the oldest first."""
    found = asyncio.run(_call("GET", "/support-tickets", params={"status": status, "limit": limit}))
    table = Table("ticket", "since", "customer", "order", "asks for", "subject", "details")
    for ticket in found["tickets"]:
        since = ticket["created_at"][:16].replace("T", " ")
        asks = ticket["action"] or "-"
        row = (ticket["ticket_id"], since, ticket["customer_id"], ticket["order_id"] or "-", asks)
        table.add_row(*map(cell, (*row, ticket["subject"], ticket["details"])))
    console.print(table)
    if found["next_cursor"]:
        console.print(f"[dim]The first {limit}; there are more.[/]")


def _decide(ticket_id: str, word: str, by: str, note: str) -> None:
    path = f"/support-tickets/{ticket_id}/{word}"
    decided = asyncio.run(_call("POST", path, json={"by": by, "note": note}))
    console.print(clean(f"{decided['ticket_id']} is {decided['status']}."), markup=False)


@support_app.command("approve")
def support_approve(ticket: _Ticket, note: _Note, by: _By) -> None:
    """Make an exception: the customer's next try of what the ticket asks for succeeds, once, within days."""
    _decide(ticket, "approve", by, note)


@support_app.command("reject")
def support_reject(ticket: _Ticket, note: _Note, by: _By) -> None:
    """Make no exception."""
    _decide(ticket, "reject", by, note)


@support_app.command("close")
def support_close(ticket: _Ticket, note: _Note, by: _By) -> None:
    """End a ticket that asks for no exception."""
    _decide(ticket, "close", by, note)

"""`usher support`: what customers asked support for, and exceptions from policies that an operator grants."""

from __future__ import annotations

import asyncio
import getpass
import json
from typing import Annotated, Any

import typer
from rich.console import Console

from usher_local.shown import cell, clean
from usher_local.stack import usual_stack
from usher_shared.errors import NotFound

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
    as_json: Annotated[bool, typer.Option("--json", help="as the box office answers")] = False,
) -> None:
    """Tickets, the oldest first."""
    found = asyncio.run(_call("GET", "/support-tickets", params={"status": status, "limit": limit}))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for ticket in found["tickets"]:
        facts = [ticket["created_at"][:16].replace("T", " "), f"customer {ticket['customer_id']}"]
        facts += [ticket[key] for key in ("order_id", "action") if ticket[key]]
        # never in a table: an id that is cut short to fit decides nothing
        console.print(cell(ticket["ticket_id"], "bold"), soft_wrap=True)
        console.print(cell(" · ".join(facts), "dim"), soft_wrap=True)
        console.print(cell(ticket["subject"]), soft_wrap=True)
        console.print(cell(f"{ticket['details']}\n"), soft_wrap=True)
    more = f"The first {limit}; there are more." if found["next_cursor"] else ""
    console.print(more or f"{len(found['tickets'])} {status}.", style="dim")


@support_app.command("show")
def support_show(
    ticket: _Ticket, as_json: Annotated[bool, typer.Option("--json", help="as the services answer")] = False
) -> None:
    """One ticket with its conversation: what was said and tried, without personal data."""
    found, said = asyncio.run(_ticket_with_transcript(ticket))
    if as_json:
        typer.echo(json.dumps({"ticket": found, "transcript": said}, indent=2))
        return
    console.print(cell(f"{found['ticket_id']} · {found['status']}", "bold"), soft_wrap=True)
    facts = [found["created_at"][:16].replace("T", " "), f"customer {found['customer_id']}"]
    facts += [found[key] for key in ("order_id", "action", "conversation_id") if found[key]]
    console.print(cell(" · ".join(facts), "dim"), soft_wrap=True)
    console.print(cell(f"{found['subject']}\n{found['details']}\n"), soft_wrap=True)
    if found["decided_by"]:
        console.print(cell(f"{found['decided_by']}: {found['note']}\n"), soft_wrap=True)
    if said is None:
        console.print("No conversation to read: none led to it, or it was erased.", style="dim")
        return
    for line in said["lines"]:
        console.print(
            cell(f"{line['speaker']}: {line['text']}", "dim" if line["speaker"] == "tool" else ""), soft_wrap=True
        )


async def _ticket_with_transcript(ticket_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    found = await _call("GET", f"/support-tickets/{ticket_id}")
    if found["conversation_id"] is None:
        return found, None
    try:
        async with usual_stack().client("cli", "agent") as agent:
            path = f"/conversations/{found['conversation_id']}/transcript"
            return found, await agent.call("GET", path, params={"ticket_id": ticket_id})
    except NotFound:
        return found, None


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

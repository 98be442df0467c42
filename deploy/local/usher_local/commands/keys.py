"""`usher key`: what client applications show at the gateway."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from usher_local.shown import cell
from usher_local.stack import usual_stack

key_app = typer.Typer(help="API keys of client applications.", no_args_is_help=True)
console = Console()


@key_app.command("create")
def key_create(
    name: Annotated[str, typer.Argument(help="what the client application is called")],
    scope: Annotated[list[str] | None, typer.Option(help="chat, orders, act_as_customer, webhooks, …")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="requests a minute; the gateway's default is 60")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line")] = False,
) -> None:
    """Create an API key. It is shown once; only its hash is kept."""
    from usher_local.provision import create_api_key

    created = asyncio.run(create_api_key(usual_stack(), name, scope or ["chat", "orders"], rate))
    if as_json:
        typer.echo(json.dumps(created))
        return
    console.print(f"client   {created['client_id']}\nscopes   {' '.join(created['scopes'])}\nkey      ", end="")
    typer.echo(created["api_key"])  # plain, so that nothing wraps it
    console.print("[yellow]Keep it now: it cannot be shown again.[/]")


@key_app.command("list")
def key_list() -> None:
    """All keys, without their secrets."""
    from usher_local.provision import list_api_keys

    table = Table("key", "name", "scopes", "rate", "state")
    for row in asyncio.run(list_api_keys(usual_stack())):
        table.add_row(*map(cell, row))
    console.print(table)


@key_app.command("revoke")
def key_revoke(key: Annotated[str, typer.Argument(help="the key's id, as `usher key list` shows it")]) -> None:
    """Refuse a key from now on (running gateways notice within seconds)."""
    from usher_local.provision import revoke_api_key

    asyncio.run(revoke_api_key(usual_stack(), key))
    console.print(f"revoked {key}", markup=False)

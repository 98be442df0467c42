"""The console command `usher`. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from usher_local.commands.ask import ask
from usher_local.commands.catalog import catalog_app
from usher_local.commands.door import door_app
from usher_local.commands.evaluate import evaluate
from usher_local.commands.keys import key_app
from usher_local.commands.knowledge import knowledge_app
from usher_local.commands.model import model_app
from usher_local.commands.support import support_app
from usher_local.shown import cell, clean, marked
from usher_local.stack import SERVICES, Stack, consecutive_ports, default_home, default_port, usual_stack
from usher_shared.errors import UsherError
from usher_shared.events import load_topics

app = typer.Typer(help="Usher: a ticketing chat agent, whole on this machine.", no_args_is_help=True)
events_app = typer.Typer(help="The events that services publish.", no_args_is_help=True)
measure_app = typer.Typer(help="Score the language understanding on a corpus file.", no_args_is_help=True)
app.add_typer(key_app, name="key")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(catalog_app, name="catalog")
app.add_typer(events_app, name="events")
app.add_typer(measure_app, name="measure")
app.add_typer(door_app, name="door")
app.add_typer(support_app, name="support")
app.add_typer(model_app, name="model")
app.command("eval")(evaluate)
app.command()(ask)
console = Console()
errors = Console(stderr=True)


def main() -> None:
    """The entry point: expected failures are a sentence and exit code 1, not a stack trace."""
    try:
        app()
    except UsherError as error:
        errors.print(clean(error.detail), style="red", markup=False)
        sys.exit(1)


@app.command()
def up(
    home: Annotated[Path | None, typer.Option(help="data folder (USHER_HOME, else ./.usher)")] = None,
    port: Annotated[int | None, typer.Option(help="first port (USHER_PORT, else 8080)")] = None,
    seed: Annotated[bool, typer.Option(help="fill an empty box office with the sample catalogue")] = True,
) -> None:
    """Start the whole stack and keep it running; Ctrl-C stops it."""
    folder = (home or default_home()).resolve()
    asyncio.run(_up(folder, default_port() if port is None else port, seed))


async def _up(home: Path, port: int, seed: bool) -> None:
    from usher_local.supervisor import running_stack

    started = time.monotonic()
    ready: set[str] = set()
    steady = asyncio.Event()

    def report(service: str, what: str) -> None:
        if what == "ready":
            ready.add(service)
        if steady.is_set() or what not in ("started", "ready"):
            console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {service}: {marked(what)}")

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with console.status("starting the services ..."):
        stack_context = running_stack(home, consecutive_ports(port), report)
        starting = asyncio.ensure_future(stack_context.__aenter__())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():  # Ctrl-C: what has started is stopped again
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        stack, _ = await starting
    try:
        console.print(f"All {len(SERVICES)} services are ready after {time.monotonic() - started:.1f} s.")
        if seed:
            await _seed(stack)
        steady.set()
        console.print(f"\n  API        {stack.url('gateway')}  (docs at /docs)\n  data       {marked(stack.home)}")
        console.print("  next       usher chat · usher key create · usher events tail · usher doctor\n")
        console.print("[dim]Ctrl-C stops everything.[/]")
        await stop.wait()
        console.print("stopping ...")
    finally:
        await stack_context.__aexit__(None, None, None)


async def _seed(stack: Stack) -> None:
    from usher_local.provision import seed_if_empty

    counts = await seed_if_empty(stack)
    if counts:
        console.print(f"Seeded the sample catalogue: {counts}.")


@app.command()
def demo(
    keep: Annotated[Path | None, typer.Option(help="keep the demo's data in this folder")] = None,
) -> None:
    """A customer buys two seats tonight, upgrades, and is told what is sold out; then every trace is shown."""
    from usher_local.demo import run_demo

    sys.exit(asyncio.run(run_demo(console, keep)))


@app.command()
def demo_compose(
    folder: Annotated[Path, typer.Option(help="where docker-compose.yaml is")] = Path(),
    project: Annotated[str, typer.Option(help="the compose project's name")] = "usher-demo",
    keep: Annotated[bool, typer.Option(help="leave the stack running")] = False,
) -> None:
    """The same demo on the compose stack: the Google Cloud roots on the official emulators."""
    from usher_local.compose import ComposeStack, free_port
    from usher_local.demo import run_compose_demo

    stack = ComposeStack(folder.resolve(), project, free_port())
    sys.exit(asyncio.run(run_compose_demo(console, stack, keep=keep)))


@app.command()
def rush(  # noqa: PLR0917  typer's options, given by name
    buyers: Annotated[int | None, typer.Option(min=0, help="customers who want one seat; 500, on Firestore 30")] = None,
    seats: Annotated[int | None, typer.Option(min=1, help="seats there are for them; 50, on Firestore 6")] = None,
    parties: Annotated[int | None, typer.Option(min=0, help="of 2 to 6, for a large section; 100, 8")] = None,
    attackers: Annotated[int | None, typer.Option(min=0, help="who refresh holds all the while; 20, 2")] = None,
    attack_seconds: Annotated[float | None, typer.Option(min=0, help="how long they keep at it; 75, 10")] = None,
    seed: Annotated[int, typer.Option(help="of every choice that customers make")] = 1,
    processes: Annotated[int, typer.Option(min=1, max=16, help="of the box office, on one store")] = 2,
    firestore: Annotated[str | None, typer.Option(help="host:port of Firestore's emulator, for its documents")] = None,
) -> None:
    """An on-sale morning on a box office of its own; exit code 1 if a seat, a cap or a cent is wrong."""
    from usher_local.rush.command import rush as run
    from usher_local.rush.plan import ON_FIRESTORE, Plan

    given: dict[str, Any] = {
        "buyers": buyers,
        "seats": seats,
        "parties": parties,
        "attackers": attackers,
        "attack_seconds": attack_seconds,
    }
    usual = Plan() if firestore is None else ON_FIRESTORE
    plan = replace(usual, seed=seed, **{name: value for name, value in given.items() if value is not None})
    sys.exit(asyncio.run(run(Console(), plan, processes, firestore)))


@app.command()
def chat(
    customer: Annotated[str, typer.Option(help="talk as this customer")] = "local-customer",
) -> None:
    """Talk to the running stack in this terminal."""
    from usher_local import customer_tokens
    from usher_local.public_api import PublicApi
    from usher_local.terminal_chat import run_chat

    stack = usual_stack()
    token = customer_tokens.mint(stack.home, customer, timedelta(hours=12))

    async def talk() -> None:
        async with PublicApi(stack.url("gateway"), {"Authorization": f"Bearer {token}"}) as api:
            await run_chat(api, console)

    asyncio.run(talk())


def _not_empty(value: str) -> str:
    if not value.strip():
        raise typer.BadParameter("it may not be empty")
    return value


@app.command()
def token(
    customer: Annotated[str, typer.Argument(help="the customer's id", callback=_not_empty)],
    hours: Annotated[float, typer.Option(min=0.01, max=720, help="how long it lasts")] = 12.0,
) -> None:
    """Print a customer's token (Authorization: Bearer …) for the local stack."""
    from usher_local import customer_tokens

    print(customer_tokens.mint(usual_stack().home, customer, timedelta(hours=hours)))


@app.command()
def service_token(
    service: Annotated[str, typer.Argument(help="the service to call, such as tools")],
    caller: Annotated[str, typer.Option(help="speak as this service")] = "cli",
) -> None:
    """Print a token for a service's internal API, for an operator's curl."""
    if service not in SERVICES:
        errors.print(f"no service {service!r}; there are {', '.join(SERVICES)}", markup=False)
        raise typer.Exit(1)
    print(asyncio.run(usual_stack().tokens(caller).token(service)))


@app.command()
def doctor() -> None:
    """What is running, what is wrong, and how to mend it. Exit code 1 when something is wrong."""
    from usher_local.doctor import colour, examine

    findings = asyncio.run(examine(default_home()))
    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]!![/]"
        table.add_row(mark, finding.subject, cell(finding.detail))
        if not finding.ok:
            table.add_row("", "", cell(finding.remedy, "yellow"))
    Console(no_color=not colour()).print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@events_app.command("tail")
def events_tail(
    type: Annotated[str | None, typer.Option(help="only this name, such as ticket_purchased")] = None,
    from_start: Annotated[bool, typer.Option(help="begin with the oldest that is kept")] = False,
) -> None:
    """Print events as they are published, one JSON line each; Ctrl-C ends."""
    from usher_local.provision import tail_events

    known = [topic.name for topic in load_topics().topics]
    if type is not None and type not in known:
        errors.print(f"no event is called {type!r}; there are {', '.join(known)}", markup=False)
        raise typer.Exit(1)

    async def follow() -> None:
        async for event in tail_events(usual_stack(), from_start=from_start):
            if type is None or event["type"].split(".")[1] == type:
                print(json.dumps(event), flush=True)

    try:
        asyncio.run(follow())
    except KeyboardInterrupt:
        return


@events_app.command("cancel")
def events_cancel(
    event: Annotated[str, typer.Argument(help="the event's id")],
    reason: Annotated[str, typer.Option(help="told to every customer", callback=_not_empty)],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Cancel an event for good and refund all of its orders; exit code 1 when the provider refused some."""
    from usher_local.cancelling import cancel_event, sentence

    if not yes:
        typer.confirm(f"Cancel {event} and refund every order?", abort=True)
    found = asyncio.run(cancel_event(usual_stack(), event, reason, console))
    console.print(f"{sentence(found)}.", markup=False)
    sys.exit(1 if found["failed"] else 0)


def _print_measure(measure: Any, file: Path) -> None:
    try:
        print(json.dumps(measure(file)))
    except ValueError as error:
        errors.print(clean(error), style="red", markup=False)
        raise typer.Exit(1) from error


_CorpusFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines, one dialogue a line")]


@measure_app.command("consent")
def measure_consent(file: _CorpusFile) -> None:
    """Did the classifier take a yes for a yes, and nothing else? One JSON line."""
    from usher_local.measures.dialogues import measure_consent_file

    _print_measure(measure_consent_file, file)


@measure_app.command("understanding")
def measure_understanding(file: _CorpusFile) -> None:
    """Shares right of intent, tickets, city, date and event. One JSON line."""
    from usher_local.measures.dialogues import measure_understanding_file

    _print_measure(measure_understanding_file, file)


@measure_app.command("routing")
def measure_routing(
    by: Annotated[str, typer.Option(help="words, or a model's name")] = "words",
    split: Annotated[str, typer.Option(help="tune or test")] = "test",
    url: Annotated[str | None, typer.Option(help="OpenAI-compatible server, with /v1; default: the playbook")] = None,
    key_env: Annotated[str | None, typer.Option(help="environment variable with that server's key")] = None,
) -> None:
    """Do labelled messages reach the specialist whom they are for? One JSON line."""
    from usher_local.measures.routing import measure

    if split not in ("tune", "test"):
        raise typer.BadParameter("tune or test")
    key = os.environ.get(key_env) if key_env else None
    print(json.dumps(asyncio.run(measure(by, "tune" if split == "tune" else "test", url=url, key=key))))


@measure_app.command("insights")
def measure_insights(
    split: Annotated[str, typer.Option(help="tune or test")] = "test",
    model: Annotated[str | None, typer.Option(help="of the running stack; default: the offline parser")] = None,
) -> None:
    """Do questions about data become queries that answer them? One JSON line."""
    from usher_local.measures.insights import measure

    if split not in ("tune", "test"):
        raise typer.BadParameter("tune or test")
    print(json.dumps(asyncio.run(measure("tune" if split == "tune" else "test", model))))


@measure_app.command("knowledge")
def measure_knowledge(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines, one question a line")],
    folder: Annotated[Path | None, typer.Option(help="of documents; default: the sample venues' own")] = None,
    split: Annotated[str | None, typer.Option(help="only questions of this split, such as test")] = None,
) -> None:
    """Is the right passage found, and none where there is none? One JSON line."""
    from usher_local.measures.knowledge import measure_knowledge_file
    from usher_local.provision import SAMPLE

    _print_measure(lambda path: asyncio.run(measure_knowledge_file(path, folder or SAMPLE, split)), file)

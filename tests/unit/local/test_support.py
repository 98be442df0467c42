"""`usher support`: the operator's queue shows whatever customers write, and decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import Result
from rich.text import Text
from typer.testing import CliRunner

from usher_local.cli import app
from usher_local.shown import cell, clean, marked
from usher_local.stack import NoStack, Stack, create_stack

TICKET = {
    "ticket_id": "SUP_1",
    "created_at": "2026-11-20T18:00:00Z",
    "customer_id": "[bold]ann",
    "order_id": None,
    "action": None,
    "status": "open",
    "subject": "[/x] help",
    "details": "\x1b[2J\u202e[u]x",
}


CONVERSATION = {
    "conversation_id": "c1",
    "status": "open",
    "lines": [{"speaker": "customer", "text": "[b]a person\x1b[2J"}, {"speaker": "tool", "text": "get_order: ok"}],
}


class Queue:
    """A box office and an agent with that one ticket and its conversation; `asked` is what came in."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.asked: list[tuple[str, str, Any]] = []
        self.conversation: str | None = "c1"

    async def answer(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        audience = "agent" if request.path.startswith("/conversations/") else "tools"
        assert await self._stack.verifier().verify(token, audience) == "cli"
        self.asked.append((request.method, request.path_qs, await request.json() if request.can_read_body else None))
        if request.path == "/conversations/c1/transcript" and request.query["ticket_id"] == "SUP_1":
            return web.json_response(CONVERSATION)
        if audience == "agent":
            return web.json_response({"status": 404, "code": "no_transcript"}, status=404)
        if request.path.startswith("/support-tickets/") and request.method == "GET":
            return web.json_response({**TICKET, "conversation_id": self.conversation, "decided_by": None})
        if request.method == "GET":
            return web.json_response({"tickets": [TICKET], "next_cursor": "more"})
        return web.json_response({**TICKET, "status": "approved"})


@pytest.fixture
async def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queue]:
    served = web.Application()
    runner = web.AppRunner(served)
    monkeypatch.setenv("USHER_HOME", str(tmp_path))
    made = Queue(create_stack(tmp_path, {}))
    served.router.add_route("*", "/{path:.*}", made.answer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ports = dict.fromkeys(("tools", "agent"), runner.addresses[0][1])
    made._stack.ports.update(ports)
    (tmp_path / "stack.json").write_text(json.dumps({"ports": ports}))
    yield made
    await runner.cleanup()


async def _usher(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["support", *arguments])


async def test_ids_are_whole_however_narrow_the_terminal(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    TICKET["ticket_id"] = "SUP_01M7ZCXF27TYGJXAXXM2FFVDGX"
    try:
        assert "SUP_01M7ZCXF27TYGJXAXXM2FFVDGX\n" in (await _usher("list")).output
    finally:
        TICKET["ticket_id"] = "SUP_1"
    assert json.loads((await _usher("list", "--json")).output) == {"tickets": [TICKET], "next_cursor": "more"}


async def test_what_customers_write_is_shown_and_does_nothing(queue: Queue) -> None:
    found = await _usher("list", "--limit", "1")
    assert (found.exit_code, found.exception) == (0, None)
    for text in ("[bold]ann", "[/x] help", "[2J[u]x"):
        assert text in found.output
    assert "\x1b" not in found.output
    assert "there are more" in found.output
    assert queue.asked == [("GET", "/support-tickets?status=open&limit=1", None)]


async def test_a_decision_names_who_and_why(queue: Queue) -> None:
    found = await _usher("approve", "SUP_1", "--by", "olga", "--note", "a funeral")
    assert found.output == "SUP_1 is approved.\n"
    assert queue.asked == [("POST", "/support-tickets/SUP_1/approve", {"by": "olga", "note": "a funeral"})]


@pytest.mark.parametrize("command", [["support", "list"], ["door", "fetch", "tonight"], ["key", "list"]])
def test_without_a_stack_each_command_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("USHER_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, command).exception
    assert isinstance(refused, NoStack)
    assert refused.detail == f"There is no stack in {tmp_path}. Start one with: usher up"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Salle Pleyel, rang\tB\nsiège 7", "Salle Pleyel, rang B\nsiège 7"),
        ("\x1b]0;title\x07\r\x00\x7f\x9b1m!", "]0;title1m!"),
        ("[/x] [red]", "[/x] [red]"),
        ("\ud800a\u2066b\u200f", "ab"),
        ("back\\", "back\\"),
    ],
)
def test_nothing_in_a_text_acts_on_the_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown
    assert cell(text).plain == shown
    assert Text.from_markup(f"[bold]{marked(text)}[/]").plain == shown


async def test_a_ticket_is_shown_with_its_conversation(queue: Queue) -> None:
    shown = await _usher("show", "SUP_1")
    assert (shown.exit_code, shown.exception) == (0, None)
    assert "[/x] help" in shown.output
    assert "customer: [b]a person" in shown.output
    assert "tool: get_order: ok" in shown.output
    assert "\x1b[2J" not in shown.output
    assert json.loads((await _usher("show", "SUP_1", "--json")).output)["transcript"] == CONVERSATION


@pytest.mark.parametrize("conversation", [None, "c2"])
async def test_a_ticket_without_a_conversation_to_read_is_shown_all_the_same(
    queue: Queue, conversation: str | None
) -> None:
    queue.conversation = conversation
    shown = await _usher("show", "SUP_1")
    assert "No conversation to read" in shown.output
    assert json.loads((await _usher("show", "SUP_1", "--json")).output)["transcript"] is None

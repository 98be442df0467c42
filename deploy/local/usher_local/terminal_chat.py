"""`usher chat`: a conversation in the terminal, streamed, with tool calls and confirmations in sight."""

from __future__ import annotations

from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import HTML
from rich.console import Console
from rich.panel import Panel

from usher_evals.wire import NoAnswer, Refused
from usher_local.public_api import PublicApi, StreamEvent
from usher_local.shown import clean, marked

_WELCOME = "Ask for tickets in your own words. /quit ends the conversation, /new starts another."


class Turn:
    """Prints one turn's events as they come; keeps what the next turn needs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._open_line = False
        self._tools: dict[str, str] = {}
        self.conversation_id: str | None = None
        self.confirmation: dict[str, Any] | None = None

    def _end_line(self) -> None:
        if self._open_line:
            self._console.print()
        self._open_line = False

    def show(self, event: StreamEvent) -> None:
        data = event.data
        match event.type:
            case "RUN_STARTED":
                self.conversation_id = str(data.get("threadId"))
            case "TEXT_MESSAGE_CONTENT":
                if not self._open_line:
                    self._console.print("[bold magenta]usher[/] ", end="")
                self._open_line = True
                delta = clean(data.get("delta", ""))
                self._console.print(delta, end="", markup=False, highlight=False, soft_wrap=True)
            case "TEXT_MESSAGE_END":
                self._end_line()
            case "TOOL_CALL_START":
                self._end_line()
                self._tools[str(data.get("toolCallId"))] = str(data.get("toolCallName"))
            case "TOOL_CALL_RESULT":
                name = self._tools.get(str(data.get("toolCallId")), "tool")
                self._console.print(clean(f"  · {name}"), style="dim", markup=False)
            case "CUSTOM" if data.get("name") == "confirmation":
                self.confirmation = data.get("value")
            case "CUSTOM" if data.get("name") == "citation":
                self._end_line()
                source = data.get("value") or {}
                where = " · ".join(str(source[key]) for key in ("title", "section", "page") if source.get(key))
                self._console.print(clean(f"  source: {where}"), style="dim", markup=False)
            case "RUN_ERROR":
                self._end_line()
                self._console.print(clean(data.get("message")), style="red", markup=False)

    def finish(self) -> None:
        self._end_line()
        if self.confirmation:
            total = marked(f"{self.confirmation['total']:.2f} {self.confirmation['currency']}")
            summary, policy = marked(self.confirmation["summary"]), marked(self.confirmation["policy"])
            text = f"{summary}\n[bold]Total {total}[/]\n{policy}"
            self._console.print(Panel(text, title="to confirm: yes or no", border_style="yellow"))


async def run_chat(api: PublicApi, console: Console) -> None:
    """Until /quit or end of input; the conversation is ended, so that its holds go back."""
    session: PromptSession[str] = PromptSession()
    console.print(f"[dim]{_WELCOME}[/]")
    conversation_id: str | None = None
    while True:
        try:
            message = (await session.prompt_async(HTML("<b>you</b> "))).strip()
        except (EOFError, KeyboardInterrupt):
            message = "/quit"
        if not message:
            continue
        if message in ("/quit", "/new"):
            if conversation_id:
                await _end(api, conversation_id)
            if message == "/quit":
                return
            conversation_id = None
            continue
        turn = Turn(console)
        body = {"message": message} | ({"conversation_id": conversation_id} if conversation_id else {})
        try:
            async for event in api.stream("/chat", body):
                turn.show(event)
        except Refused as error:
            console.print(clean(error.detail or error), style="red", markup=False)
        except NoAnswer as error:
            console.print(f"the stack does not answer ({error}); `usher doctor` tells more", style="red", markup=False)
        turn.finish()
        conversation_id = turn.conversation_id or conversation_id


async def _end(api: PublicApi, conversation_id: str) -> None:
    try:
        await api.call("POST", f"/conversations/{conversation_id}/end")
    except (Refused, NoAnswer):
        return  # already ended, or the stack is gone: the idle sweep ends it

"""A model's server on a port of its own: it checks requests against what its API documents, and answers to a script.

What the wires have in common; `openai_stand_in` and `gemini_stand_in` speak them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Fault = Literal[
    "hang",  # no answer at all
    "stall",  # the first pieces, then silence
    "cut",  # the first pieces, then the connection breaks
    "nonsense",  # 200 with something that is no completion
    "empty",  # 200 with nothing
    "endless",  # pieces without end
    "refuse",  # 400
    "forbid",  # 403
    "overload",  # 429, with a time to wait
    "busy",  # 503, without
    "blocked",  # withheld for safety
    "broken_call",  # a call whose arguments are no JSON object
    "no_usage",  # a good answer without counts
    "spent",  # all tokens spent before there was an answer
]
RETRY_AFTER_SECONDS = 17
_HOST = "127.0.0.1"


@dataclass(frozen=True)
class Say:
    """One answer: text in pieces, calls as (name, arguments), (prompt, completion, cached) tokens."""

    pieces: tuple[str, ...] = ()
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    tokens: tuple[int, int, int] = (1200, 34, 1024)
    signature: bytes | None = None
    fault: Fault | None = None


@dataclass
class StandIn:
    """`script` is answered from the front; after its end every request gets "Hello.". `problems` must stay empty."""

    script: list[Say] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # a caller went away before the end
    url: str = ""
    _runner: web.AppRunner | None = None

    def app(self) -> web.Application:
        raise NotImplementedError

    async def open(self) -> None:
        self._runner = web.AppRunner(self.app(), handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://{_HOST}:{port}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def next(self, body: dict[str, Any]) -> Say:
        self.requests.append(body)
        self.asked.set()
        return self.script.pop(0) if self.script else Say(("Hello.",))

    def demand(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)

    async def hang(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.gone.set()

    async def send_events(self, request: web.Request, events: AsyncIterator[bytes], say: Say) -> web.StreamResponse:
        """Server-sent events, with what the script wants to go wrong in between."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        sent = 0
        async for event in events:
            if say.fault == "stall" and sent == 2:
                await self.hang()
            if say.fault == "cut" and sent == 2:
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(event)
            sent += 1
        await response.write_eof()
        return response

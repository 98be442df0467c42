"""Running one completion: on which engine, where it stops, what it said and used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import orjson

from usher_inference.completions.counting import count_prompt
from usher_inference.completions.model import (
    CallPiece,
    ChatRequest,
    Delta,
    Finished,
    FinishReason,
    Prompt,
    TextDelta,
    TokenChance,
    ToolCall,
    Usage,
)
from usher_inference.completions.ports import Engine, Models, Served
from usher_inference.completions.prompts import read_prompt
from usher_inference.completions.stops import StopCutter
from usher_shared.errors import UpstreamFailed

_ARGUMENT_PIECE = 64  # characters of a whole call's arguments in one piece


def system_fingerprint(engine: Engine) -> str:
    """Names the engine and its version; equal fingerprints answer alike."""
    return f"{engine.model}-{engine.version}"


@dataclass(slots=True)
class Called:
    """A tool call as far as it has come; `arguments` are JSON once the completion is over."""

    name: str
    arguments: list[str] = field(default_factory=list)


class Completion:
    """A completion in the making: iterate `deltas()` to its end, then read what it came to.

    It holds its engine until it is closed: use it as an asynchronous context manager.
    """

    def __init__(self, lease: AbstractContextManager[Served], request: ChatRequest, prompt: Prompt) -> None:
        self._lease: AbstractContextManager[Served] | None = lease
        self.served = lease.__enter__()
        self.engine = self.served.engine
        self.request = request
        self.prompt = prompt
        self.finish_reason: FinishReason = "stop"
        self.calls: list[Called] = []
        self.chances: list[TokenChance] = []
        self._text: list[str] = []
        self._usage: Usage | None = None
        self._pieces = self.engine.generate(prompt)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Cancels what still runs and gives the engine back."""
        try:
            close = getattr(self._pieces, "aclose", None)
            if close is not None:
                await close()
        finally:
            lease, self._lease = self._lease, None
            if lease is not None:
                lease.__exit__(None, None, None)

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def usage(self) -> Usage:
        """The engine's own figures; an estimate where it was stopped before it gave any."""
        if self._usage is None:
            count = self.engine.count_tokens
            said = count(self.text) + sum(count(call.name + "".join(call.arguments)) for call in self.calls)
            self._usage = Usage(count_prompt(self.prompt, count), said)
        return self._usage

    async def deltas(self) -> AsyncIterator[TextDelta | CallPiece]:
        """Text and pieces of calls as they come, cut at a stop text. Raises what the engine raises."""
        cutter = StopCutter(self.prompt.stops) if self.prompt.stops else None
        async for delta in self._pieces:
            if isinstance(delta, TextDelta):
                ready = delta if cutter is None else cutter.feed(delta)
                if ready.text or ready.chances:
                    yield self._said(ready)
                if cutter is not None and cutter.met:
                    await self._stopped()
                    return
                continue
            if cutter is not None and (rest := cutter.rest()).text:
                yield self._said(rest)
            if isinstance(delta, Finished):
                self.finish_reason, self._usage = delta.reason, delta.usage
                return
            for piece in self._pieces_of(delta):
                yield self._called(piece)
        raise UpstreamFailed(f"{self.engine.model} broke off")

    async def _stopped(self) -> None:
        """An engine that ends at stop texts itself has its figures ready."""
        last: Delta | None = await anext(self._pieces, None)
        if isinstance(last, Finished):
            self._usage = last.usage
        self.finish_reason = "tool_calls" if self.calls else "stop"

    def _said(self, delta: TextDelta) -> TextDelta:
        self._text.append(delta.text)
        self.chances += delta.chances
        return delta

    def _called(self, piece: CallPiece) -> CallPiece:
        if piece.name is not None:
            self.calls.append(Called(piece.name))
        self.calls[piece.index].arguments.append(piece.arguments)
        return piece

    def _pieces_of(self, delta: ToolCall | CallPiece) -> Sequence[CallPiece]:
        if isinstance(delta, CallPiece):
            return (delta,)
        index = len(self.calls)
        text = orjson.dumps(delta.arguments).decode()
        later = range(0, len(text), _ARGUMENT_PIECE)
        return (
            CallPiece(index, "", delta.name),
            *(CallPiece(index, text[at : at + _ARGUMENT_PIECE]) for at in later),
        )


def start(
    models: Models,
    request: ChatRequest,
    *,
    max_messages: int,
    conversation_id: str | None = None,
    deadline_seconds: float | None = None,
) -> Completion:
    """A completion for the request. Raises NotFound (model) and InvalidRequest (what cannot be served)."""
    lease = models.lease(request.model, conversation_id)
    prompt = read_prompt(request, max_messages=max_messages, deadline_seconds=deadline_seconds)
    return Completion(lease, request, prompt)

"""Running one completion: which engine, which tools, where it stops, what it used."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from usher_inference.completions.model import (
    ChatRequest,
    Delta,
    FinishReason,
    FunctionSpec,
    Message,
    NamedTool,
    Prompt,
    ResponseFormat,
    TextDelta,
    ToolCall,
    Usage,
)
from usher_inference.completions.ports import Engine
from usher_shared.errors import InvalidRequest, NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines on offer; the first one also answers readiness checks."""

    all: tuple[Engine, ...]

    def named(self, model: str) -> Engine:
        """Raises NotFound for a model that is not served."""
        for engine in self.all:
            if engine.model == model:
                return engine
        raise NotFound(
            f"The model `{model}` does not exist or is not served here.",
            code="model_not_found",
            extra={"param": "model"},
        )

    async def check(self) -> None:
        """Generates for a tiny prompt. Raises Unavailable when nothing comes."""
        prompt = Prompt(messages=(Message(role="user", content="Hello"),))
        for engine in self.all:
            pieces = [piece async for piece in engine.generate(prompt)]
            if not pieces:
                raise Unavailable(f"{engine.model} generated nothing")


def system_fingerprint(engine: Engine) -> str:
    """Names the engine and its version; equal fingerprints answer alike."""
    return f"{engine.model}-{engine.version}"


@dataclass(slots=True)
class Completion:
    """A completion in the making: iterate `deltas()` to its end, then read `finish_reason` and `usage`."""

    engine: Engine
    request: ChatRequest
    prompt: Prompt
    finish_reason: FinishReason = "stop"
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        said = self.engine.count_tokens(self.text)
        called = sum(self.engine.count_tokens(call.name + json.dumps(call.arguments)) for call in self.calls)
        return Usage(_prompt_tokens(self.engine, self.prompt), said + called)

    async def deltas(self) -> AsyncIterator[Delta]:
        """The engine's pieces, cut at a stop text or at the token limit. Raises what the engine raises."""
        held = ""  # the tail of the text so far that may be the beginning of a stop text
        pieces = self.engine.generate(self.prompt)
        async for delta in pieces:
            if isinstance(delta, ToolCall):
                self.calls.append(delta)
                self.finish_reason = "tool_calls"
                yield delta
                continue
            ready, held, stopped = _cut(held + delta.text, self.request.stops)
            ready, full = self._fit(ready)
            if ready:
                self.text += ready
                yield TextDelta(ready)
            if stopped or full:
                self.finish_reason = "length" if full else "stop"
                return
        tail, full = self._fit(held)
        if tail:
            self.text += tail
            yield TextDelta(tail)
        if full:
            self.finish_reason = "length"

    def _fit(self, piece: str) -> tuple[str, bool]:
        """As much of the piece as the token limit leaves room for, and whether anything was left out."""
        limit = self.request.token_limit
        if limit is None or self.engine.count_tokens(self.text + piece) <= limit:
            return piece, False
        room = piece
        while room and self.engine.count_tokens(self.text + room) > limit:
            room = room[:-1]
        return room, True


def start(engines: Engines, request: ChatRequest, *, max_messages: int) -> Completion:
    """A completion for the request. Raises NotFound (model) and InvalidRequest (what cannot be served)."""
    engine = engines.named(request.model)
    if len(request.messages) > max_messages:
        raise InvalidRequest(f"more than {max_messages} messages", extra={"param": "messages"})
    if request.n is not None and request.n > 1:
        raise InvalidRequest("only one choice a request is served: n has to be 1", extra={"param": "n"})
    wanted = request.response_format or ResponseFormat()
    schema = wanted.json_schema if wanted.type == "json_schema" else None
    if wanted.type != "text" and schema is None:
        raise InvalidRequest(
            f"response_format {wanted.type} is not served by {engine.model}",
            extra={"param": "response_format"},
        )
    tools, forced = _choose_tools([tool.function for tool in request.tools or []], request)
    return Completion(engine, request, Prompt(request.messages, tools, forced, schema))


def _choose_tools(offered: Sequence[FunctionSpec], request: ChatRequest) -> tuple[Sequence[FunctionSpec], bool]:
    choice = request.tool_choice
    if choice == "none":
        return (), False
    if choice is None or choice == "auto":
        return offered, False
    wanted = [t for t in offered if t.name == choice.function.name] if isinstance(choice, NamedTool) else offered
    if not wanted:
        raise InvalidRequest("tool_choice asks for a tool that is not among `tools`", extra={"param": "tool_choice"})
    return wanted, True


def _cut(text: str, stops: tuple[str, ...]) -> tuple[str, str, bool]:
    """(safe to send, to be kept back, a stop text was met)."""
    met = [at for stop in stops if (at := text.find(stop)) >= 0]
    if met:
        return text[: min(met)], "", True
    keep = max((_overlap(text, stop) for stop in stops), default=0)
    return text[: len(text) - keep], text[len(text) - keep :], False


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text may begin the stop text."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)


def _prompt_tokens(engine: Engine, prompt: Prompt) -> int:
    texts = [message.text() for message in prompt.messages]
    texts += [
        call.function.name + call.function.arguments for message in prompt.messages for call in message.tool_calls or []
    ]
    texts += [tool.name + tool.description + json.dumps(tool.parameters) for tool in prompt.tools]
    return sum(map(engine.count_tokens, texts)) + 4 * len(prompt.messages)

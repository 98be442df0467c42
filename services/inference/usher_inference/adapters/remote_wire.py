"""What an engine elsewhere is asked and answers, between our prompts and OpenAI's wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import orjson

from usher_inference.completions.counting import count_prompt, estimate_tokens
from usher_inference.completions.model import (
    Finished,
    FunctionSpec,
    Message,
    Prompt,
    TextDelta,
    TokenChance,
    ToolCall,
    Usage,
)
from usher_shared.errors import InvalidRequest, UpstreamFailed
from usher_shared.model_servers.answers import Refused, RequestedCall

_MOST_STOPS = 4  # that OpenAI takes; the others are cut here, as they all are


def write_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """The conversation as every OpenAI-compatible server takes it: results name their tool, content is text."""
    names: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    for message in prompt.messages:
        if message.role == "assistant":
            calls = [_write_call(call.id, call.function.name, call.function.arguments) for call in _calls(message)]
            names |= {call["id"]: call["function"]["name"] for call in calls}
            said: dict[str, Any] = {"role": "assistant", "content": message.text() or (None if calls else "")}
            told.append(said | {"tool_calls": calls} if calls else said)
        elif message.role in ("tool", "function"):
            id = message.tool_call_id or ""
            name = message.name or names.get(id) or "tool"
            told.append({"role": "tool", "tool_call_id": id, "name": name, "content": message.text()})
        else:
            role = "user" if message.role == "user" else "system"
            told.append({"role": role, "content": message.text()})
    return told


def _calls(message: Message) -> Iterator[Any]:
    return iter(message.tool_calls or ())


def _write_call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def write_tools(tools: Sequence[FunctionSpec]) -> list[dict[str, Any]]:
    """The tools as OpenAI has them, without what they leave open."""
    return [{"type": "function", "function": tool.model_dump(exclude_none=True)} for tool in tools]


def write_options(prompt: Prompt) -> dict[str, Any]:
    """OpenAI's other members of a request, None for what the prompt leaves open.

    `top_k`, `min_p` and `repetition_penalty` are extensions that vLLM and others take, and OpenAI refuses.
    """
    options: dict[str, Any] = {wish.name: getattr(prompt.sampling, wish.name) for wish in fields(prompt.sampling)}
    options["max_tokens"] = prompt.max_tokens
    options["stop"] = list(prompt.stops[:_MOST_STOPS]) or None
    if prompt.top_logprobs is not None:
        options |= {"logprobs": True, "top_logprobs": prompt.top_logprobs or None}
    if prompt.tools:
        if prompt.forced:
            (name, *others) = [tool.name for tool in prompt.tools]
            options["tool_choice"] = "required" if others else {"type": "function", "function": {"name": name}}
        if not prompt.parallel_calls:
            options["parallel_tool_calls"] = False
    if prompt.json is not None:
        schema = prompt.json.model_dump(by_alias=True, exclude_none=True)
        plain = prompt.json.definition == {"type": "object"}
        options["response_format"] = (
            {"type": "json_object"} if plain else {"type": "json_schema", "json_schema": schema}
        )
    return options


def read_chances(logprobs: Sequence[dict[str, Any]]) -> tuple[TokenChance, ...]:
    """OpenAI's `logprobs.content`. Raises UpstreamFailed for something else."""
    try:
        return tuple(
            TokenChance(
                str(token["token"]),
                float(token["logprob"]),
                tuple((str(other["token"]), float(other["logprob"])) for other in token.get("top_logprobs") or ()),
            )
            for token in logprobs
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UpstreamFailed("the model's log probabilities cannot be read") from error


def read_calls(calls: Sequence[RequestedCall], prompt: Prompt) -> list[ToolCall]:
    """Whole calls. Raises UpstreamFailed for one without a name, or whose arguments are no JSON object."""
    found = []
    for call in calls if prompt.parallel_calls else calls[:1]:
        try:
            arguments = orjson.loads(call.arguments or "{}")
        except orjson.JSONDecodeError:
            arguments = None
        if not isinstance(arguments, dict) or not call.name:
            raise UpstreamFailed("the model wrote a broken tool call", code="broken_call")
        found.append(ToolCall(call.name, arguments))
    return found


def finish(prompt: Prompt, told: str, calls: Sequence[ToolCall], *, cut_short: bool, usage: Usage | None) -> Finished:
    """The last piece; without the server's own figures the usage is an estimate."""
    if usage is None:
        length = estimate_tokens(told + "".join(call.name + str(call.arguments) for call in calls))
        usage = Usage(count_prompt(prompt, estimate_tokens), length)
    return Finished("tool_calls" if calls else "length" if cut_short else "stop", usage)


def text_delta(text: str, logprobs: Sequence[dict[str, Any]], prompt: Prompt) -> TextDelta | None:
    """None for a piece without anything."""
    chances = read_chances(logprobs) if prompt.top_logprobs is not None and logprobs else ()
    return TextDelta(text, chances) if text or chances else None


@contextmanager
def refusals_as_ours() -> Iterator[None]:
    """What the server refuses is a request that cannot be answered, and no failure of ours."""
    try:
        yield
    except Refused as error:
        code = "content_filter" if error.code == "model_blocked" else error.code
        raise InvalidRequest(error.detail, code=code) from error

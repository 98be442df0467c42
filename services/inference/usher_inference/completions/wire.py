"""Answers as OpenAI's API shapes them: one object, or server-sent chunks."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import orjson

from usher_inference.completions.model import Delta, TextDelta, ToolCall
from usher_inference.completions.service import Completion, system_fingerprint
from usher_shared.errors import UsherError
from usher_shared.ids import IdGenerator

_ARGUMENT_PIECE = 64  # characters of a call's arguments in one chunk


def _arguments(call: ToolCall) -> str:
    return orjson.dumps(call.arguments).decode()


def _head(completion: Completion, id: str, now: datetime, kind: str) -> dict[str, Any]:
    return {
        "id": id,
        "object": kind,
        "created": int(now.timestamp()),
        "model": completion.engine.model,
        "system_fingerprint": system_fingerprint(completion.engine),
    }


async def render_whole(completion: Completion, ids: IdGenerator, now: datetime) -> dict[str, Any]:
    """The `chat.completion` object, once the engine has finished."""
    async for _ in completion.deltas():
        pass
    calls = [
        {
            "id": ids.new("call"),
            "type": "function",
            "function": {"name": call.name, "arguments": _arguments(call)},
        }
        for call in completion.calls
    ]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text or (None if calls else ""),
        "refusal": None,
    }
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}
    return {
        **_head(completion, ids.new("chatcmpl"), now, "chat.completion"),
        "choices": [choice],
        "usage": completion.usage.wire(),
    }


async def open_stream(completion: Completion, ids: IdGenerator, now: datetime) -> AsyncIterator[bytes]:
    """Waits for the engine's first piece, so that its refusals keep their status, then gives the frames."""
    deltas = completion.deltas()
    try:
        first: Delta | None = await anext(deltas)
    except StopAsyncIteration:
        first = None
    return _frames(completion, first, deltas, ids, now)


async def _frames(
    completion: Completion, first: Delta | None, rest: AsyncIterator[Delta], ids: IdGenerator, now: datetime
) -> AsyncIterator[bytes]:
    head = _head(completion, ids.new("chatcmpl"), now, "chat.completion.chunk")
    counted = completion.request.includes_usage

    def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = {**head, "choices": [choice]} | ({"usage": None} if counted else {})
        return b"data: " + orjson.dumps(body) + b"\n\n"

    yield frame({"role": "assistant", "content": None if isinstance(first, ToolCall) else ""})
    try:
        if first is not None:
            for delta in _wire_deltas(first, 0, ids):
                yield frame(delta)
        index = 1 if isinstance(first, ToolCall) else 0
        async for piece in rest:
            for delta in _wire_deltas(piece, index, ids):
                yield frame(delta)
            index += isinstance(piece, ToolCall)
    except UsherError as error:
        # the status line is gone: the error can only travel in the stream
        yield b"data: " + orjson.dumps({"error": render_problem(error)}) + b"\n\n"
        return
    yield frame({}, completion.finish_reason)
    if counted:
        yield b"data: " + orjson.dumps({**head, "choices": [], "usage": completion.usage.wire()}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _wire_deltas(piece: Delta, index: int, ids: IdGenerator) -> list[dict[str, Any]]:
    if isinstance(piece, TextDelta):
        return [{"content": piece.text}]
    opening = {
        "index": index,
        "id": ids.new("call"),
        "type": "function",
        "function": {"name": piece.name, "arguments": ""},
    }
    text = _arguments(piece)
    fragments = [text[at : at + _ARGUMENT_PIECE] for at in range(0, len(text), _ARGUMENT_PIECE)]
    later = [{"index": index, "function": {"arguments": fragment}} for fragment in fragments]
    return [{"tool_calls": [call]} for call in (opening, *later)]


def render_problem(error: UsherError) -> dict[str, Any]:
    """The inner object of an OpenAI error: message, type, param, code."""
    return {
        "message": error.detail,
        "type": error_type(error.http_status),
        "param": error.extra.get("param"),
        "code": error.code,
    }


def error_type(status: int) -> str:
    """OpenAI's word for a kind of failure."""
    if status >= 500:
        return "server_error"
    named = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return named.get(status, "invalid_request_error")

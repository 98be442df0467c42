"""Answers as OpenAI's API shapes them: one object, or server-sent chunks."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from usher_inference.completions.model import CallPiece, TextDelta, TokenChance
from usher_inference.completions.service import Completion, system_fingerprint
from usher_shared.errors import UsherError
from usher_shared.ids import IdGenerator

_LEAST_LOGPROB = -9999.0  # OpenAI's figure for what is all but impossible; JSON has no infinity


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
            "function": {"name": call.name, "arguments": "".join(call.arguments)},
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
    choice = {
        "index": 0,
        "message": message,
        "logprobs": _render_chances(completion, completion.chances),
        "finish_reason": completion.finish_reason,
    }
    return {
        **_head(completion, ids.new("chatcmpl"), now, "chat.completion"),
        "choices": [choice],
        "usage": completion.usage.wire(),
    }


async def open_stream(completion: Completion, ids: IdGenerator, now: datetime) -> AsyncGenerator[bytes, None]:
    """Waits for the engine's first piece, so that its refusals keep their status, then gives the frames."""
    deltas = completion.deltas()
    first = await anext(deltas, None)
    return _frames(completion, first, deltas, ids, now)


async def _frames(
    completion: Completion,
    first: TextDelta | CallPiece | None,
    rest: AsyncIterator[TextDelta | CallPiece],
    ids: IdGenerator,
    now: datetime,
) -> AsyncGenerator[bytes, None]:
    head = _head(completion, ids.new("chatcmpl"), now, "chat.completion.chunk")
    counted = completion.request.includes_usage

    def frame(delta: dict[str, Any], finish: str | None = None, chances: Sequence[TokenChance] = ()) -> bytes:
        logprobs = _render_chances(completion, chances) if chances else None
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        body = {**head, "choices": [choice]}
        if counted:
            body["usage"] = None
        return b"data: " + orjson.dumps(body) + b"\n\n"

    def render(piece: TextDelta | CallPiece) -> bytes:
        if isinstance(piece, TextDelta):
            return frame({"content": piece.text}, chances=piece.chances)
        return frame({"tool_calls": [_render_piece(piece, ids)]})

    yield frame({"role": "assistant", "content": None if isinstance(first, CallPiece) else ""})
    if first is not None:
        yield render(first)
    async for piece in rest:
        yield render(piece)
    yield frame({}, completion.finish_reason)
    if counted:
        yield b"data: " + orjson.dumps({**head, "choices": [], "usage": completion.usage.wire()}) + b"\n\n"
    yield b"data: [DONE]\n\n"


def _render_piece(piece: CallPiece, ids: IdGenerator) -> dict[str, Any]:
    if piece.name is None:
        return {"index": piece.index, "function": {"arguments": piece.arguments}}
    function = {"name": piece.name, "arguments": piece.arguments}
    return {"index": piece.index, "id": ids.new("call"), "type": "function", "function": function}


def _render_chances(completion: Completion, chances: Sequence[TokenChance]) -> dict[str, Any] | None:
    if completion.prompt.top_logprobs is None:
        return None
    content = [
        {**_token(chance.text, chance.logprob), "top_logprobs": [_token(*each) for each in chance.top]}
        for chance in chances
    ]
    return {"content": content, "refusal": None}


def _token(text: str, logprob: float) -> dict[str, Any]:
    written = text.encode("utf-8", "surrogateescape")
    return {
        "token": written.decode("utf-8", "replace"),
        "logprob": max(logprob, _LEAST_LOGPROB),
        "bytes": list(written),
    }


def render_broken(error: UsherError) -> bytes:
    """The frame of an error after the first piece; no frame follows it."""
    return b"data: " + orjson.dumps({"error": render_problem(error)}) + b"\n\n"


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

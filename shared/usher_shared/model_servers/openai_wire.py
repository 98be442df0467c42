"""OpenAI's chat completions as servers really write them: requests out, completions in, whole or in pieces.

What is forgiven, and where it was seen: `content: null` beside calls (OpenAI, vLLM), no usage (llama.cpp, older
Ollama), call deltas without `index` (ollama#7881) or all with index 0 (ollama under LiteLLM, litellm#37792), without
id, with arguments as an object, `finish_reason: stop` after a call (python-genai#2868), content as a list of parts
(Mistral), `reasoning_content` and `reasoning` beside the answer (vLLM, Ollama): that is nobody's to read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout, UsherError
from usher_shared.model_servers.answers import LONGEST_ANSWER_BYTES, Refused, RequestedCall

_LONGEST_RETRY_AFTER = 3600.0
_LISTS_KEPT = 32
_DONE = b"[DONE]"
# the request itself is at fault; 401, 403 and 404 are a wrong key or name, which is wrong for everybody
_REFUSALS = frozenset({400, 409, 413, 415, 422})


@dataclass(slots=True)
class Gathered:
    """A completion as read so far; `finish` is the server's own word, and `logprobs` what it says of each token."""

    text: list[str] = field(default_factory=list)
    calls: list[RequestedCall] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    usage: Any = None
    model: str = ""
    fingerprint: str = ""
    finish: str = ""
    blocked: bool = False

    @property
    def prompt_tokens(self) -> int:
        return _count(self.usage, "prompt_tokens")

    @property
    def completion_tokens(self) -> int:
        return _count(self.usage, "completion_tokens")

    @property
    def cached_tokens(self) -> int:
        details = self.usage.get("prompt_tokens_details") if isinstance(self.usage, dict) else None
        return _count(details, "cached_tokens")

    def check(self) -> None:
        """Raises Refused for what was withheld for safety."""
        if self.blocked and not self.calls:
            raise Refused("the model's answer was withheld for safety", code="model_blocked")

    def whole_text(self) -> str:
        """What was said. Raises Refused (withheld for safety) and UpstreamFailed (an answer without text or call)."""
        self.check()
        text = "".join(self.text)
        if self.finish == "length" and not text and not self.calls:
            raise UpstreamFailed("the model spent its tokens without an answer")
        return text


class ToolsAsJson:
    """Lists of tools, written out once each: there are few, and they do not change."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[Any, orjson.Fragment]] = {}

    def of(self, tools: Sequence[dict[str, Any]]) -> orjson.Fragment | None:
        """None without any."""
        if not tools:
            return None
        known = self._written.get(id(tools))
        if known is None or known[0] is not tools:
            if len(self._written) >= _LISTS_KEPT:
                self._written.clear()
            known = self._written[id(tools)] = (tools, orjson.Fragment(orjson.dumps(tools)))
        return known[1]


def request_body(
    messages: Sequence[dict[str, Any]],
    *,
    model: str | None,
    tools: orjson.Fragment | None,
    stream: bool,
    options: Mapping[str, Any],
    extras: bool = False,
) -> dict[str, Any]:
    """The request; `options` are its other members, None for those to be left out.

    `extras`: whether the server wants back what it sent beside its calls.
    """
    body: dict[str, Any] = {"messages": [_with_extras(message, keep=extras) for message in messages]}
    if model is not None:
        body["model"] = model
    if tools is not None:
        body["tools"] = tools
    for name, value in options.items():
        if value is not None:
            body[name] = value
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _with_extras(message: dict[str, Any], *, keep: bool) -> dict[str, Any]:
    """The message with what Google's surface wants back at its calls, or without: strict servers refuse it."""
    calls: Sequence[dict[str, Any]] = message.get("tool_calls") or ()
    if not any("extra_content" in call for call in calls):
        return message
    return {**message, "tool_calls": [_call(call, keep=keep) for call in calls]}


def _call(call: dict[str, Any], *, keep: bool) -> dict[str, Any]:
    plain = {key: value for key, value in call.items() if key != "extra_content"}
    signature = ((call.get("extra_content") or {}).get("google") or {}).get("thought_signature")
    return {**plain, "extra_content": {"google": {"thought_signature": signature}}} if keep and signature else plain


def error_of(status: int, body: bytes, retry_after: str | None) -> UsherError:
    """What an answer with that status means. The body is not repeated: it may hold the customer's words."""
    detail = f"the model's server answered {status}{_error_code(body)}"
    if status in (429, 503, 529):
        return Unavailable(detail, retry_after_seconds=_seconds(retry_after))
    if status in (408, 504):
        return UpstreamTimeout(detail)
    if status in _REFUSALS:
        return Refused(detail)
    return UpstreamFailed(detail)


def _error_code(body: bytes) -> str:
    """The error's `code` or `type`, where it is a name."""
    try:
        error = orjson.loads(body)["error"]
        found = next(error[key] for key in ("code", "type", "status") if isinstance(error.get(key), str))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, StopIteration):
        return ""
    return f" {found}" if found.replace("_", "").isalnum() and len(found) <= 64 else ""


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after) if retry_after else None
    except ValueError:  # a date: nobody waits that long
        return None
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST_RETRY_AFTER else None


def read_message(raw: bytes | dict[str, Any]) -> Gathered:
    """A whole answer. Raises UpstreamFailed for what is no completion."""
    try:
        body = orjson.loads(raw) if isinstance(raw, bytes) else raw
        choice = body["choices"][0]
        message = choice["message"]
        gathered = Gathered([_text(message.get("content"))])
        gathered.calls = [_requested(call) for call in message.get("tool_calls") or ()]
        _finish(gathered, choice, message)
        _note(gathered, body)
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UpstreamFailed("the model's answer is no completion") from error
    return gathered


class StreamedAnswer:
    """One completion from its streamed chunks."""

    def __init__(self) -> None:
        self._gathered = Gathered()
        self._calls = _Calls()
        self._something = self._ended = False

    def add(self, data: bytes) -> str:
        """The text in an event's data. Raises UpstreamFailed for what is no chunk of a completion."""
        if data == _DONE:
            self._ended = True
            return ""
        gathered, said = self._gathered, ""
        try:
            chunk = orjson.loads(data)
            if chunk.get("error"):
                raise UpstreamFailed("the model broke off")
            self._something = True
            _note(gathered, chunk)
            for choice in (chunk.get("choices") or ())[:1]:
                delta = choice.get("delta") or {}
                said = _text(delta.get("content"))
                if said:
                    gathered.text.append(said)
                for piece in delta.get("tool_calls") or ():
                    self._calls.add(piece)
                _finish(gathered, choice, delta)
        except (orjson.JSONDecodeError, TypeError, AttributeError, KeyError) as error:
            raise UpstreamFailed("the model's stream is no completion") from error
        return said

    def take_logprobs(self) -> list[dict[str, Any]]:
        """Those that came since the last time."""
        taken, self._gathered.logprobs = self._gathered.logprobs, []
        return taken

    def ended(self) -> Gathered:
        """The whole of it. Raises UpstreamFailed when the stream was empty or broke off."""
        if not self._something:
            raise UpstreamFailed("the model's stream was empty")
        if not self._ended and not self._gathered.finish:
            # a server or proxy that is stopped may close the connection in good order
            raise UpstreamFailed("the model broke off")
        self._gathered.calls = self._calls.finished()
        return self._gathered


async def gather(events: AsyncIterator[bytes], on_text: Callable[[str], None]) -> Gathered:
    """One completion from its streamed chunks. Raises UpstreamFailed for what is no completion, or breaks off."""
    answer = StreamedAnswer()
    async for data in events:
        said = answer.add(data)
        if said:
            on_text(said)
    return answer.ended()


async def sse_data(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event, `[DONE]` last. Raises UpstreamFailed for an endless answer."""
    buffer = b""
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > LONGEST_ANSWER_BYTES:
            raise UpstreamFailed("the model's answer does not end")
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data:
                    yield data
                if data == _DONE:
                    return


class _Calls:
    """Tool calls put together from their deltas."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def add(self, piece: dict[str, Any]) -> None:
        function = piece.get("function") or {}
        name, id, index = function.get("name") or "", piece.get("id") or "", piece.get("index")
        known = self._by_index.get(index) if isinstance(index, int) else (self._calls[-1] if self._calls else None)
        if known is None or (name and known.name and (id != known.id or not isinstance(index, int))):
            known = _Call()
            self._calls.append(known)
            if isinstance(index, int):
                self._by_index[index] = known
        known.id = known.id or id
        known.name = known.name or name
        known.extra = piece.get("extra_content") or known.extra
        arguments = function.get("arguments")
        if arguments is not None:
            known.arguments += arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()

    def finished(self) -> list[RequestedCall]:
        return [RequestedCall(call.name, call.arguments, call.extra) for call in self._calls]


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: dict[str, Any] | None = None


def _requested(call: Any) -> RequestedCall:
    """A call from whatever stands there: what is no text is written back as JSON, to fail validation with a reason."""
    function = call.get("function")
    if not isinstance(function, dict):
        return RequestedCall("", "")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "{}" if arguments is None else orjson.dumps(arguments).decode()
    extra = call.get("extra_content")
    return RequestedCall(name if isinstance(name, str) else "", arguments, extra if isinstance(extra, dict) else None)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text")
        return "".join(text for text in parts if isinstance(text, str))
    return ""


def _note(gathered: Gathered, body: dict[str, Any]) -> None:
    gathered.usage = body.get("usage") or gathered.usage
    gathered.model = str(body.get("model") or "") or gathered.model
    gathered.fingerprint = str(body.get("system_fingerprint") or "") or gathered.fingerprint


def _finish(gathered: Gathered, choice: dict[str, Any], message: dict[str, Any]) -> None:
    reason = choice.get("finish_reason")
    if reason:
        gathered.finish = str(reason)
    if reason == "content_filter" or message.get("refusal"):
        gathered.blocked = True
    logprobs = choice.get("logprobs")
    if logprobs:
        gathered.logprobs += logprobs.get("content") or ()


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value > 0 else 0

"""ChatModel over the OpenAI chat completions wire, for any server that speaks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson

from usher_agent.models.ports import Completion, CompletionRequest, RequestedCall
from usher_shared.contracts.identity import CONVERSATION_HEADER
from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout
from usher_shared.http.client import bearer
from usher_shared.http.tokens import TokenSource
from usher_shared.telemetry import current, span
from usher_shared.telemetry.tracing import SpanKind

VERSION_HEADER = "Usher-Model-Version"
VARIANT_HEADER = "Usher-Model-Variant"
_AUDIENCE = "inference"
_LONGEST_ANSWER_BYTES = 4 << 20


class OpenAIChatModel:
    """`base_url` ends in /v1. With `api_key` it is the bearer key; else `tokens` name us to the inference service."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        tokens: TokenSource | None = None,
        temperature: float | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._api_key = api_key
        self._tokens = tokens
        self._temperature = temperature
        self._session: aiohttp.ClientSession | None = None
        self._tools: tuple[Any, orjson.Fragment] | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ping(self) -> None:
        async with self._open().get(
            self._base_url + "/models", headers=await self._headers(None), timeout=aiohttp.ClientTimeout(total=2.0)
        ) as response:
            if response.status >= 500:
                raise Unavailable(f"the model's server answered {response.status}")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # needs a running loop, hence not in __init__
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0, ttl_dns_cache=60)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session

    async def _headers(self, conversation_id: str | None) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        elif self._tokens is not None:
            headers |= bearer(await self._tokens.token(_AUDIENCE))
            if conversation_id:
                headers[CONVERSATION_HEADER] = conversation_id
        context = current()
        if context is not None:
            headers["X-Request-Id"] = context.request_id
            headers["traceparent"] = context.traceparent
        return headers

    def _body(self, request: CompletionRequest, *, stream: bool) -> bytes:
        if self._tools is None or self._tools[0] is not request.tools:
            self._tools = (request.tools, orjson.Fragment(orjson.dumps(request.tools)))
        body: dict[str, Any] = {"model": self._model, "messages": request.messages}
        if request.tools:
            body["tools"] = self._tools[1]
        if self._temperature is not None:
            body["temperature"] = self._temperature
        if stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        return orjson.dumps(body)

    async def complete(self, request: CompletionRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        headers = await self._headers(request.conversation_id)
        if on_text is not None:
            headers["Accept"] = "text/event-stream"
        timeout = aiohttp.ClientTimeout(total=request.timeout_seconds, connect=5.0)
        with span("POST model/chat/completions", SpanKind.CLIENT):
            try:
                async with self._open().post(
                    self._base_url + "/chat/completions",
                    data=self._body(request, stream=on_text is not None),
                    headers=headers,
                    timeout=timeout,
                ) as response:
                    _raise_for(response.status, await response.read() if response.status >= 400 else b"")
                    if on_text is not None and response.content_type == "text/event-stream":
                        gathered = await _gather(_sse_data(response.content.iter_any()), on_text)
                    else:
                        gathered = _read_message(await response.read())
                        if on_text is not None and gathered["text"]:
                            on_text(gathered["text"])
                    return self._completion(gathered, response.headers)
            except TimeoutError as error:
                raise UpstreamTimeout("the model did not answer in time") from error
            except aiohttp.ClientConnectorError as error:
                raise Unavailable("the model cannot be reached", retry_after_seconds=1) from error
            except aiohttp.ClientError as error:
                raise UpstreamFailed(f"the model's connection broke: {type(error).__name__}") from error

    def _completion(self, gathered: dict[str, Any], headers: Any) -> Completion:
        usage = gathered["usage"]
        fingerprint, model = gathered["fingerprint"], gathered["model"] or self._model
        return Completion(
            text=gathered["text"],
            tool_calls=gathered["calls"],
            prompt_tokens=_count(usage, "prompt_tokens"),
            completion_tokens=_count(usage, "completion_tokens"),
            model=model,
            version=headers.get(VERSION_HEADER) or fingerprint.removeprefix(f"{model}-"),
            variant=headers.get(VARIANT_HEADER, ""),
        )


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else 0


def _raise_for(status: int, body: bytes) -> None:
    if status < 400:
        return
    detail = f"the model's server answered {status}"
    if status in (429, 503):
        raise Unavailable(detail, retry_after_seconds=1)
    if status in (408, 504):
        raise UpstreamTimeout(detail)
    raise UpstreamFailed(f"{detail}: {body[:200].decode('utf-8', 'replace')}")


def _gathered(text: str, calls: list[RequestedCall], chunk: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": text,
        "calls": calls,
        "usage": chunk.get("usage"),
        "model": str(chunk.get("model") or ""),
        "fingerprint": str(chunk.get("system_fingerprint") or ""),
    }


def _requested(function: Any) -> RequestedCall:
    """A call from whatever stands there: what is no text is written back as JSON, to fail validation with a reason."""
    if not isinstance(function, dict):
        return RequestedCall("", "")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "{}" if arguments is None else orjson.dumps(arguments).decode()
    return RequestedCall(name if isinstance(name, str) else "", arguments)


def _read_message(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
        message = body["choices"][0]["message"]
        text = message.get("content") or ""
        calls = [_requested(call.get("function")) for call in message.get("tool_calls") or ()]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UpstreamFailed("the model's answer is no completion") from error
    return _gathered(text if isinstance(text, str) else "", calls, body)


async def _sse_data(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event until `[DONE]`. Raises UpstreamFailed for an endless answer."""
    buffer = b""
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > _LONGEST_ANSWER_BYTES:
            raise UpstreamFailed("the model's answer does not end")
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    return
                yield data


async def _gather(events: AsyncIterator[bytes], on_text: Callable[[str], None]) -> dict[str, Any]:
    """One completion from its streamed chunks; tool calls are put together by index."""
    text: list[str] = []
    calls: dict[int, list[str]] = {}
    last: dict[str, Any] = {}
    async for data in events:
        try:
            chunk = orjson.loads(data)
            if "error" in chunk:
                raise UpstreamFailed("the model broke off")
            last.update({key: chunk[key] for key in ("model", "usage", "system_fingerprint") if chunk.get(key)})
            for choice in chunk.get("choices", ())[:1]:
                delta = choice.get("delta") or {}
                content = delta.get("content")
                if content and isinstance(content, str):
                    text.append(content)
                    on_text(content)
                for piece in delta.get("tool_calls") or ():
                    call = calls.setdefault(piece.get("index", 0), ["", ""])
                    function = piece.get("function") or {}
                    call[0] = function.get("name") or call[0]
                    call[1] += function.get("arguments") or ""
        except (orjson.JSONDecodeError, TypeError, AttributeError) as error:
            raise UpstreamFailed("the model's stream is no completion") from error
    if not last and not text and not calls:
        raise UpstreamFailed("the model's stream was empty")
    return _gathered("".join(text), [RequestedCall(*calls[index]) for index in sorted(calls)], last)

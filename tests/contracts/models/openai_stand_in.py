"""OpenAI's chat completions, and Vertex AI's rawPredict around them, as they are documented.

https://platform.openai.com/docs/api-reference/chat; rawPredict and streamRawPredict:
https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/rawPredict; the instance with
`@requestFormat` as Google's Model Garden notebooks send it to its vLLM container.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from contracts.models.stand_in import RETRY_AFTER_SECONDS, Say, StandIn

KEY = "sk-stand-in"
MODEL = "qwen3-4b"
_MEMBERS = {
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "stream", "stream_options",
    "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "max_tokens", "stop", "logprobs",
    "top_logprobs",
}  # fmt: skip
ENDPOINT = "/v1/projects/tickets/locations/europe-west4/endpoints/4711"


@dataclass
class OpenAIStandIn(StandIn):
    """`indexed` False: call deltas without index and with whole arguments, as some servers send them."""

    indexed: bool = True

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        self.demand(request.headers.get("Authorization") == f"Bearer {KEY}", "no key")
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.demand(request.headers.get("Authorization") == f"Bearer {KEY}", "no key")
        self.demand(request.content_type == "application/json", "no JSON")
        body = json.loads(await request.read())
        self.demand(body.get("model") == MODEL, "another model")
        self.check(body)
        return await self.answer(request, body, self.next(body))

    def check(self, body: dict[str, Any]) -> None:
        self.demand(set(body) <= _MEMBERS, f"unknown members: {set(body) - _MEMBERS}")
        self.demand("stream_options" not in body or body.get("stream") is True, "stream_options without stream")
        for tool in body.get("tools", ()):
            self.demand(set(tool) == {"type", "function"} and tool["type"] == "function", "a tool is no function")
            self.demand(
                set(tool["function"]) <= {"name", "description", "parameters", "strict"}, "a function's members"
            )
        open_calls: list[str] = []
        for message in body["messages"]:
            role = message["role"]
            if role != "tool":
                self.demand(not open_calls, f"calls without a result: {open_calls}")
            if role == "tool":
                self.demand(message["tool_call_id"] in open_calls, "a result without its call")
                open_calls.remove(message["tool_call_id"])
            elif role == "assistant" and message.get("tool_calls"):
                for call in message["tool_calls"]:
                    self.demand(set(call) == {"id", "type", "function"}, f"a call's members: {set(call)}")
                    self.demand(isinstance(call["function"]["arguments"], str), "arguments that are no text")
                    open_calls.append(call["id"])
            else:
                self.demand(isinstance(message["content"], str), f"{role} without content")

    async def answer(self, request: web.Request, body: dict[str, Any], say: Say) -> web.StreamResponse:
        if say.fault == "hang":
            await self.hang()
        refusal = _refusal(say)
        if refusal is not None:
            return refusal
        if say.fault == "nonsense":
            return web.json_response({"detail": "Not Found"})
        if say.fault == "empty":
            return web.Response(content_type="text/event-stream" if body.get("stream") else "application/json")
        if body.get("stream"):
            return await self.send_events(request, self._chunks(say, body), say)
        if say.fault == "endless":
            return await self._endless(request)
        if say.fault in ("cut", "stall"):
            if say.fault == "stall":
                await self.hang()
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response(self.wrap(_whole(say)))

    def wrap(self, completion: dict[str, Any]) -> Any:
        return completion

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b'{"choices": [' + b" " * 262_144)
        finally:
            self.gone.set()

    async def _chunks(self, say: Say, body: dict[str, Any]) -> AsyncIterator[bytes]:
        yield _event({"delta": {"role": "assistant", "content": ""}})
        while say.fault == "endless":
            yield _event({"delta": {"content": "and on " * 8_192}})
        for piece in say.pieces:
            logprobs = {"logprobs": {"content": [_chance(piece)]}} if body.get("logprobs") else {}
            yield _event({"delta": {"content": piece}, **logprobs})
        for index, (name, arguments) in enumerate(say.calls):
            text = '{"event_id": ' if say.fault == "broken_call" else json.dumps(arguments)
            half = len(text) // 2
            first: dict[str, Any] = {"id": f"call-{index}", "type": "function"}
            if not self.indexed:
                yield _event({"delta": {"tool_calls": [{**first, "function": {"name": name, "arguments": text}}]}})
                continue
            first["index"] = index
            yield _event({"delta": {"tool_calls": [{**first, "function": {"name": name, "arguments": text[:half]}}]}})
            yield _event({"delta": {"tool_calls": [{"index": index, "function": {"arguments": text[half:]}}]}})
        yield _event({"delta": {}, "finish_reason": _finish(say)})
        if say.fault != "no_usage" and body.get("stream_options", {}).get("include_usage"):
            yield b"data: " + json.dumps({"model": MODEL, "choices": [], "usage": _usage(say)}).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


class VertexStandIn(OpenAIStandIn):
    """An endpoint whose container is Google's vLLM."""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._predict)
        app.router.add_get(ENDPOINT, self._describe)
        return app

    async def _describe(self, request: web.Request) -> web.Response:
        self.demand(request.headers.get("Authorization") == f"Bearer {KEY}", "no token")
        return web.json_response({"name": ENDPOINT.removeprefix("/v1/")})

    async def _predict(self, request: web.Request) -> web.StreamResponse:
        verb = re.fullmatch(re.escape(ENDPOINT) + ":(rawPredict|streamRawPredict)", request.path)
        self.demand(verb is not None, f"another path: {request.path}")
        self.demand(request.headers.get("Authorization") == f"Bearer {KEY}", "no token")
        body = json.loads(await request.read())
        self.demand(set(body) == {"instances"} and len(body["instances"]) == 1, "not one instance")
        (instance,) = body["instances"]
        self.demand(instance.pop("@requestFormat", None) == "chatCompletions", "not as chatCompletions")
        streams = verb is not None and verb[1] == "streamRawPredict"
        self.demand(bool(instance.get("stream")) == streams, "the verb and the body differ about streaming")
        self.check(instance)
        return await self.answer(request, instance, self.next(instance))

    def wrap(self, completion: dict[str, Any]) -> Any:
        return {"predictions": [completion], "deployedModelId": "77", "model": "projects/1/locations/x/models/2"}


def _event(choice: dict[str, Any]) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": MODEL,
        "choices": [{"index": 0, "finish_reason": None, **choice}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _chance(text: str) -> dict[str, Any]:
    top = [{"token": text, "logprob": -0.25, "bytes": None}, {"token": "Well", "logprob": -2.5, "bytes": None}]
    return {"token": text, "logprob": -0.25, "bytes": None, "top_logprobs": top}


def _finish(say: Say) -> str:
    if say.fault == "blocked":
        return "content_filter"
    if say.fault == "spent":
        return "length"
    return "tool_calls" if say.calls else "stop"


def _usage(say: Say) -> dict[str, Any]:
    prompt, completion, cached = say.tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _whole(say: Say) -> dict[str, Any]:
    calls = [
        {
            "id": f"call-{index}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": '{"event_id": ' if say.fault == "broken_call" else json.dumps(arguments),
            },
        }
        for index, (name, arguments) in enumerate(say.calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(say.pieces) or None}
    if calls:
        message["tool_calls"] = calls
    whole: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(say)}],
    }
    return whole if say.fault == "no_usage" else {**whole, "usage": _usage(say)}


def _refusal(say: Say) -> web.Response | None:
    def error(status: int, code: str, **headers: str) -> web.Response:
        # servers quote the request, and with it the customer
        body = {"error": {"message": "could not take: my secret words", "type": code, "code": code}}
        return web.json_response(body, status=status, headers=headers)

    if say.fault == "refuse":
        return error(400, "context_length_exceeded")
    if say.fault == "forbid":
        return error(403, "invalid_api_key")
    if say.fault == "overload":
        return error(429, "rate_limit_exceeded", **{"Retry-After": str(RETRY_AFTER_SECONDS)})
    if say.fault == "busy":
        return error(503, "overloaded")
    return None

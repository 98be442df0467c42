"""Gemini's streamGenerateContent as documented: https://ai.google.dev/api/generate-content, and on Vertex AI.

Strict where the service is: roles, results right after their calls and as many, the schema subset of declarations
(https://ai.google.dev/api/caching#Schema), and Gemini 3's thought signatures, whose first call of a step in the current
turn is refused without one (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from contracts.models.stand_in import RETRY_AFTER_SECONDS, Say, StandIn

KEY = "gemini-stand-in"
TOKEN = "ya29.stand-in"
MODEL = "gemini-3-flash-preview"
SKIP = base64.b64encode(b"skip_thought_signature_validator").decode()
_MEMBERS = {"contents", "systemInstruction", "tools", "generationConfig", "toolConfig", "safetySettings", "labels"}
_SCHEMA = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum",
}  # fmt: skip
_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}


@dataclass
class GeminiStandIn(StandIn):
    """`vertex`: under Vertex AI's paths, with an access token."""

    vertex: bool = False

    def app(self) -> web.Application:
        app = web.Application()
        prefix = "/v1beta"
        if self.vertex:
            prefix = "/v1beta1/projects/tickets/locations/europe-west4/publishers/google"
        app.router.add_post(f"{prefix}/models/{MODEL}:streamGenerateContent", self._generate)
        app.router.add_get(f"{prefix}/models/{MODEL}", self._describe)
        app.router.add_get(f"/v1beta1/publishers/google/models/{MODEL}", self._describe)  # publishers.models.get
        return app

    def _authenticated(self, request: web.Request) -> None:
        if self.vertex:
            self.demand(request.headers.get("Authorization") == f"Bearer {TOKEN}", "no token")
        else:
            self.demand(request.headers.get("x-goog-api-key") == KEY, "no key")

    async def _describe(self, request: web.Request) -> web.Response:
        self._authenticated(request)
        return web.json_response({"name": f"models/{MODEL}"})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        self._authenticated(request)
        self.demand(request.query.get("alt") == "sse", "not as events")
        body = json.loads(await request.read())
        self._check(body)
        say = self.next(body)
        if say.fault == "hang":
            await self.hang()
        refusal = _refusal(say)
        if refusal is not None:
            return refusal
        if say.fault == "nonsense":
            return web.Response(text="data: <html>\n\n", content_type="text/event-stream")
        if say.fault == "empty":
            return web.Response(content_type="text/event-stream")
        return await self.send_events(request, self._chunks(say), say)

    def _check(self, body: dict[str, Any]) -> None:
        self.demand(set(body) <= _MEMBERS, f"unknown members: {set(body) - _MEMBERS}")
        for tool in body.get("tools", ()):
            for declared in tool["functionDeclarations"]:
                self.demand(set(declared) <= {"name", "description", "parameters"}, f"declares {set(declared)}")
                if "parameters" in declared:
                    self._check_schema(declared["parameters"], declared["name"])
        contents = body["contents"]
        self.demand(contents[0]["role"] == "user", "the first content is not the user's")
        open_calls: list[tuple[str, str]] = []
        for number, content in enumerate(contents):
            self.demand(content["role"] in ("user", "model"), f"role {content['role']}")
            parts = content["parts"]
            self.demand(bool(parts), "a content without parts")
            results = [part["functionResponse"] for part in parts if "functionResponse" in part]
            given = [(result.get("id", ""), result["name"]) for result in results]
            self.demand(given == open_calls, f"after the calls {open_calls} come the results {given}")
            self.demand(all(isinstance(result["response"], dict) for result in results), "a result is no object")
            calls = [part for part in parts if "functionCall" in part]
            self.demand(not calls or content["role"] == "model", "the user calls")
            open_calls = [(part["functionCall"].get("id", ""), part["functionCall"]["name"]) for part in calls]
            if calls and not any("text" in part for later in contents[number:] for part in _user_texts(later)):
                self.demand("thoughtSignature" in calls[0], "a call of the current turn is not signed")
        self.demand(not open_calls, "the last calls have no results")

    def _check_schema(self, schema: dict[str, Any], where: str) -> None:
        # protocol buffers read both minLength and min_length, and the SDK writes a schema's members in the second way
        members = {re.sub("_(.)", lambda match: match[1].upper(), name) for name in schema}
        self.demand(members <= _SCHEMA, f"{where}: schema with {members - _SCHEMA}")
        if "anyOf" not in schema:
            self.demand(schema.get("type") in _TYPES, f"{where}: type {schema.get('type')}")
        if schema.get("type") == "STRING":
            self.demand(schema.get("format") in (None, "enum", "date-time"), f"{where}: format {schema.get('format')}")
        if schema.get("type") == "ARRAY":
            self.demand("items" in schema, f"{where}: an array of what?")
        self.demand("enum" not in schema or schema["type"] == "STRING", f"{where}: enum of no strings")
        for name, inner in schema.get("properties", {}).items():
            self._check_schema(inner, f"{where}.{name}")
        for inner in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]:
            self._check_schema(inner, where)

    async def _chunks(self, say: Say) -> AsyncIterator[bytes]:
        if say.fault == "blocked" and not say.pieces:
            yield _event({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
            return
        if say.fault == "spent":
            yield _event({"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}]})
            return
        yield _event(_said({"text": "The customer wants", "thought": True}))
        while say.fault == "endless":
            yield _event(_said({"text": "and on " * 8_192}))
        for piece in say.pieces:
            yield _event(_said({"text": piece}))
        for number, (name, arguments) in enumerate(say.calls if say.fault != "broken_call" else ()):
            part: dict[str, Any] = {"functionCall": {"id": f"fc-{number}", "name": name, "args": arguments}}
            if say.signature is not None and number == 0:
                part["thoughtSignature"] = base64.b64encode(say.signature).decode()
            yield _event(_said(part))
        last: dict[str, Any] = {
            "candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}],
            "modelVersion": f"{MODEL}-001",
        }
        if say.fault == "blocked":
            last["candidates"][0]["finishReason"] = "SAFETY"
        if say.fault == "broken_call":
            last["candidates"] = [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "call:get_event("}]
        if say.fault != "no_usage":
            prompt, completion, cached = say.tokens
            last["usageMetadata"] = {
                "promptTokenCount": prompt,
                "candidatesTokenCount": completion - 10,
                "thoughtsTokenCount": 10,
                "cachedContentTokenCount": cached,
                "totalTokenCount": prompt + completion,
            }
        yield _event(last)


def _user_texts(content: dict[str, Any]) -> list[dict[str, Any]]:
    return content["parts"] if content["role"] == "user" else []


def _said(part: dict[str, Any]) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}],
        "modelVersion": f"{MODEL}-001",
        "responseId": "r-1",
    }


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"


def _refusal(say: Say) -> web.Response | None:
    def error(code: int, status: str, *details: dict[str, Any]) -> web.Response:
        body = {"error": {"code": code, "message": "could not take: my secret words", "status": status}}
        body["error"]["details"] = list(details)  # type: ignore[assignment]
        return web.json_response(body, status=code)

    if say.fault == "refuse":
        return error(400, "INVALID_ARGUMENT")
    if say.fault == "forbid":
        return error(403, "PERMISSION_DENIED")
    if say.fault == "overload":
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        return error(429, "RESOURCE_EXHAUSTED", {"@type": kind, "retryDelay": f"{RETRY_AFTER_SECONDS}s"})
    if say.fault == "busy":
        return error(503, "UNAVAILABLE")
    return None

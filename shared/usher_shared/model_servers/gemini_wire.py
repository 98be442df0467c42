"""OpenAI's messages as Gemini's contents, and Gemini's answers put together.

Roles: the first system message is the system instruction; later ones are notes in the customer's place, marked so
that no customer can write one. Calls and their results keep our ids. A thought signature travels with its call in
`extra_content`; calls that another model made, or of earlier turns, get the value by which Google lets them pass
(https://ai.google.dev/gemini-api/docs/thought-signatures), which models before Gemini 3 neither need nor know.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from google.genai import types

from usher_shared.errors import UpstreamFailed
from usher_shared.model_servers.answers import Refused, RequestedCall
from usher_shared.model_servers.gemini_schema import to_gemini

_SKIP = b"skip_thought_signature_validator"
_NOTE = "system-note"
_MARK = re.compile(rf"<(?=/?{_NOTE})", re.IGNORECASE)
_UNSIGNED = re.compile(r"gemini-[12][.-]")
_BLOCKED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}
)  # fmt: skip
_BROKEN = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER"})


def contents(messages: Sequence[dict[str, Any]], model: str) -> tuple[str | None, list[types.Content]]:
    """(system instruction, contents)."""
    first = messages[0] if messages and messages[0]["role"] == "system" else None
    out: list[types.Content] = []
    for role, parts, joins in _turns(messages[1:] if first else messages, model):
        if out and joins and out[-1].role == role and out[-1].parts is not None and not _has_results(out[-1]):
            out[-1].parts += parts
        else:
            out.append(types.Content(role=role, parts=parts))
    if not out or out[0].role != "user":
        out.insert(0, types.Content(role="user", parts=[types.Part(text=_noted("The conversation goes on."))]))
    return (first["content"] if first else None), out


def declare(tools: Sequence[dict[str, Any]]) -> types.Tool:
    """OpenAI's tools as Gemini's one. The same are translated once: conversations bring them with every request."""
    return _declared(json.dumps(tools))


@lru_cache(maxsize=32)
def _declared(tools: str) -> types.Tool:
    declarations = [
        types.FunctionDeclaration(
            name=tool["function"]["name"],
            description=tool["function"].get("description"),
            parameters=_parameters(tool["function"].get("parameters")),
        )
        for tool in json.loads(tools)
    ]
    return types.Tool(function_declarations=declarations)


def _parameters(schema: dict[str, Any] | None) -> types.Schema | None:
    if not schema or not schema.get("properties"):
        return None  # an object without properties is refused
    return types.Schema.model_validate(to_gemini(schema))


def _has_results(content: types.Content) -> bool:
    return any(part.function_response is not None for part in content.parts or ())


def _turns(messages: Sequence[dict[str, Any]], model: str) -> Iterator[tuple[str, list[types.Part], bool]]:
    """(role, parts, whether they may stand in one content with what precedes them)."""
    results: list[types.Part] = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            results.append(_result(message))
            continue
        if results:  # all results of a step in one content, right after its calls
            yield "user", results, False
            results = []
        if role == "assistant":
            parts = _said(message, model)
            if parts:
                yield "model", parts, True
        elif role == "system":
            yield "user", [types.Part(text=_noted(message["content"]))], True
        else:
            yield "user", [types.Part(text=_MARK.sub("&lt;", message["content"]))], True
    if results:
        yield "user", results, False


def _noted(text: str) -> str:
    return f"<{_NOTE}>{text}</{_NOTE}>"


def _said(message: dict[str, Any], model: str) -> list[types.Part]:
    parts = [types.Part(text=message["content"])] if message.get("content") else []
    for number, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        signature = _signature(call, model)
        if signature is None and number == 0 and not _UNSIGNED.match(model):
            signature = _SKIP  # of parallel calls the first one alone is signed
        parts.append(
            types.Part(
                function_call=types.FunctionCall(
                    id=call["id"], name=function["name"], args=_object(function["arguments"])
                ),
                thought_signature=signature,
            )
        )
    return parts


def _signature(call: dict[str, Any], model: str) -> bytes | None:
    google = (call.get("extra_content") or {}).get("google") or {}
    if google.get("model", model) != model or not isinstance(google.get("thought_signature"), str):
        return None
    try:
        return base64.b64decode(google["thought_signature"], validate=True)
    except binascii.Error:
        return None


def _result(message: dict[str, Any]) -> types.Part:
    text = _MARK.sub("&lt;", message["content"])
    return types.Part(
        function_response=types.FunctionResponse(
            id=message["tool_call_id"], name=message["name"], response=_object(text, otherwise="result")
        )
    )


def _object(text: str, otherwise: str = "value") -> dict[str, Any]:
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        found = text
    return found if isinstance(found, dict) else {otherwise: found}


@dataclass(slots=True)
class GeminiAnswer:
    """An answer as its chunks come in; `finish` is Gemini's own word."""

    model: str
    text: list[str] = field(default_factory=list)
    calls: list[RequestedCall] = field(default_factory=list)
    usage: types.GenerateContentResponseUsageMetadata | None = None
    version: str = ""
    finish: str = ""
    blocked: str = ""
    chunks: int = 0

    def add(self, chunk: types.GenerateContentResponse) -> str:
        """Take a chunk in; the text in it. Thoughts are nobody's to read."""
        self.chunks += 1
        self.usage = chunk.usage_metadata or self.usage
        self.version = chunk.model_version or self.version
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self.blocked = feedback.block_reason.value
        said = ""
        for candidate in (chunk.candidates or ())[:1]:
            if candidate.finish_reason is not None:
                self.finish = candidate.finish_reason.value
            for part in (candidate.content.parts if candidate.content else None) or ():
                if part.function_call is not None:
                    self.calls.append(_requested(part, self.model))
                elif part.text and not part.thought:
                    said += part.text
        if said:
            self.text.append(said)
        return said

    def check(self) -> None:
        """Raises Refused (`model_blocked`) and UpstreamFailed for what is no answer, nor a piece of one."""
        if self.blocked or self.finish in _BLOCKED:
            raise Refused(f"the model withheld its answer: {self.blocked or self.finish}", code="model_blocked")
        if not self.chunks or self.finish in _BROKEN or not (self.finish or self.text or self.calls):
            raise UpstreamFailed(f"the model gave no answer: {self.finish or 'the stream was empty'}")
        if not self.finish:
            raise UpstreamFailed("the model broke off")

    def whole_text(self) -> str:
        """What was said. Raises as `check`, and UpstreamFailed for an answer without text or call."""
        self.check()
        text = "".join(self.text)
        if self.finish == "MAX_TOKENS" and not text and not self.calls:
            raise UpstreamFailed("the model spent its tokens without an answer")
        return text

    @property
    def prompt_tokens(self) -> int:
        return _sum(self.usage, "prompt_token_count", "tool_use_prompt_token_count")

    @property
    def completion_tokens(self) -> int:
        return _sum(self.usage, "candidates_token_count", "thoughts_token_count")

    @property
    def cached_tokens(self) -> int:
        return _sum(self.usage, "cached_content_token_count")


def _requested(part: types.Part, model: str) -> RequestedCall:
    call = part.function_call
    assert call is not None  # noqa: S101  the caller's condition
    extra = None
    if part.thought_signature:
        signature = base64.b64encode(part.thought_signature).decode()
        extra = {"google": {"thought_signature": signature, "model": model}}
    return RequestedCall(call.name or "", orjson.dumps(call.args or {}).decode(), extra)


def _sum(usage: types.GenerateContentResponseUsageMetadata | None, *names: str) -> int:
    return sum(getattr(usage, name, None) or 0 for name in names)

"""Engine in front of Gemini, by Google's SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from usher_inference.adapters.remote_wire import (
    finish,
    read_calls,
    refusals_as_ours,
    write_messages,
    write_tools,
)
from usher_inference.completions.counting import estimate_tokens
from usher_inference.completions.model import Delta, Prompt, TextDelta, Usage
from usher_shared.errors import InvalidRequest
from usher_shared.model_servers.gemini_client import GeminiClient

if TYPE_CHECKING:  # the SDK is an optional extra, and heavy
    from google.auth.credentials import Credentials

_SAMPLING = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_NOT_SERVED = ("min_p", "repetition_penalty")
_MOST_STOPS = 5


class GeminiEngine:
    """`model` is its id here, `name` Google's. Either `api_key`, or `project` and `location`.

    `base_url` replaces Google's address. Raises UsherError at once when the SDK is not installed.
    """

    def __init__(
        self,
        model: str,
        name: str,
        *,
        api_key: str | None = None,
        project: str | None = None,
        location: str | None = None,
        base_url: str | None = None,
        credentials: Credentials | None = None,
        timeout_seconds: float = 100.0,
    ) -> None:
        self.model = model
        self.version = name
        self._timeout_seconds = timeout_seconds
        self._client = GeminiClient(
            name, api_key=api_key, project=project, location=location, base_url=base_url, credentials=credentials
        )

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    async def close(self) -> None:
        await self._client.close()

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        from usher_shared.model_servers.gemini_wire import GeminiAnswer

        config = _config(prompt)
        answer = GeminiAnswer(self.version)
        pieces = self._client.stream(
            write_messages(prompt),
            answer,
            timeout_seconds=min(prompt.deadline_seconds or self._timeout_seconds, self._timeout_seconds),
            tools=write_tools(prompt.tools),
            **config,
        )
        with refusals_as_ours():
            async with aclosing(pieces):
                async for said in pieces:
                    yield TextDelta(said)
            answer.check()
        calls = read_calls(answer.calls, prompt)
        for call in calls:
            yield call
        usage = None
        if answer.usage is not None:
            usage = Usage(answer.prompt_tokens, answer.completion_tokens, answer.cached_tokens)
        yield finish(prompt, "".join(answer.text), calls, cut_short=answer.finish == "MAX_TOKENS", usage=usage)


def _config(prompt: Prompt) -> dict[str, Any]:
    """Members of GenerateContentConfig. Raises InvalidRequest for what Gemini has not."""
    from google.genai import types

    for name in _NOT_SERVED:
        if getattr(prompt.sampling, name) is not None:
            raise InvalidRequest(f"Gemini has no {name}", extra={"param": name})
    if prompt.top_logprobs is not None:
        raise InvalidRequest("Gemini's log probabilities are not served", extra={"param": "logprobs"})
    config: dict[str, Any] = {name: getattr(prompt.sampling, name) for name in _SAMPLING}
    config["max_output_tokens"] = prompt.max_tokens
    config["stop_sequences"] = list(prompt.stops[:_MOST_STOPS]) or None
    if prompt.forced:
        calling = types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=[tool.name for tool in prompt.tools]
        )
        config["tool_config"] = types.ToolConfig(function_calling_config=calling)
    if prompt.json is not None:
        config["response_mime_type"] = "application/json"
        if prompt.json.definition != {"type": "object"}:
            config["response_json_schema"] = prompt.json.definition
    return config

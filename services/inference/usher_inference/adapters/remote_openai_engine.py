"""Engine in front of any server that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import orjson

from usher_inference.adapters.remote_answers import read_answer
from usher_inference.adapters.remote_wire import (
    refusals_as_ours,
    write_messages,
    write_options,
    write_tools,
)
from usher_inference.completions.counting import estimate_tokens
from usher_inference.completions.model import Delta, Prompt
from usher_shared.model_servers.http import ModelHttp
from usher_shared.model_servers.openai_wire import read_message, request_body


class OpenAIEngine:
    """`model` is its id here, `name` there; `base_url` ends in /v1. Answers are always streamed.

    With `api_key` it is the bearer key; `access_token` asks for one each time (Google's).
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        name: str,
        *,
        api_key: str | None = None,
        access_token: Callable[[], Awaitable[str]] | None = None,
        timeout_seconds: float = 100.0,
    ) -> None:
        self.model = model
        self.version = name
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._api_key = api_key
        self._access_token = access_token
        self._timeout_seconds = timeout_seconds
        self._http = ModelHttp()

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    async def close(self) -> None:
        await self._http.close()

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        body = request_body(
            write_messages(prompt),
            model=self.version,
            tools=orjson.Fragment(orjson.dumps(write_tools(prompt.tools))) if prompt.tools else None,
            stream=True,
            options=write_options(prompt),
        )
        with refusals_as_ours():
            async with self._http.request(
                "POST",
                self._url,
                headers=await self._headers(),
                body=orjson.dumps(body),
                timeout_seconds=min(prompt.deadline_seconds or self._timeout_seconds, self._timeout_seconds),
                streams=True,
                span_name="POST model/chat/completions",
                model=self.version,
            ) as response:
                async for delta in read_answer(response, prompt, read_message):
                    yield delta

    async def _headers(self) -> dict[str, str]:
        if self._api_key:
            return {"Authorization": f"Bearer {self._api_key}"}
        if self._access_token is not None:
            return {"Authorization": f"Bearer {await self._access_token()}"}
        return {}

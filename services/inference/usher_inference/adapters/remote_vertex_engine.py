"""Engine in front of a Vertex AI endpoint whose model serves OpenAI's chat completions behind rawPredict."""

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
from usher_shared.model_servers.openai_wire import request_body
from usher_shared.model_servers.vertex_wire import is_dedicated, read_prediction, verb, write_instance


class VertexEngine:
    """`model` is its id here; `access_token` gives a token of an account with `aiplatform.endpoints.predict`.

    Whether the endpoint is `dedicated` is seen from its host, unless it is said; a shared one answers in one piece.
    """

    def __init__(
        self,
        model: str,
        endpoint_url: str,
        name: str,
        access_token: Callable[[], Awaitable[str]],
        *,
        dedicated: bool | None = None,
        timeout_seconds: float = 100.0,
    ) -> None:
        self.model = model
        self.version = name
        self._url = endpoint_url.rstrip("/")
        self._dedicated = is_dedicated(self._url) if dedicated is None else dedicated
        self._access_token = access_token
        self._timeout_seconds = timeout_seconds
        self._http = ModelHttp()

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    async def close(self) -> None:
        await self._http.close()

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        streams = self._dedicated
        request = request_body(
            write_messages(prompt),
            model=None,  # an endpoint serves one model, under a name of the container's own
            tools=orjson.Fragment(orjson.dumps(write_tools(prompt.tools))) if prompt.tools else None,
            stream=streams,
            options=write_options(prompt),
        )
        with refusals_as_ours():
            async with self._http.request(
                "POST",
                f"{self._url}:{verb(streams=streams)}",
                headers={"Authorization": f"Bearer {await self._access_token()}"},
                body=write_instance(request, dedicated=self._dedicated),
                timeout_seconds=min(prompt.deadline_seconds or self._timeout_seconds, self._timeout_seconds),
                streams=streams,
                span_name=f"POST vertex/{verb(streams=streams)}",
                model=self.version,
            ) as response:
                async for delta in read_answer(response, prompt, read_prediction):
                    yield delta

"""ChatModel over the OpenAI chat completions wire, for any server that speaks it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

import orjson

from usher_agent.adapters.completions import completion_of
from usher_agent.models.ports import Completion, CompletionRequest, Listener
from usher_shared.contracts.identity import CONVERSATION_HEADER
from usher_shared.errors import Unavailable
from usher_shared.http.client import bearer
from usher_shared.http.tokens import TokenSource
from usher_shared.model_servers.http import ModelHttp, read_limited
from usher_shared.model_servers.openai_wire import ToolsAsJson, gather, read_message, request_body, sse_data

VERSION_HEADER = "Usher-Model-Version"
VARIANT_HEADER = "Usher-Model-Variant"
_AUDIENCE = "inference"
_LONGEST = 2048  # tokens of an answer by our own inference: a model that does not end would answer for minutes


class OpenAIChatModel:
    """`base_url` ends in /v1.

    With `api_key` it is the bearer key; `access_token` asks for one each time (Google's); else `tokens` name us to the
    inference service. `keeps_extras`: the server wants back what it sent beside its tool calls.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        access_token: Callable[[], Awaitable[str]] | None = None,
        tokens: TokenSource | None = None,
        temperature: float | None = None,
        keeps_extras: bool = False,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._api_key = api_key
        self._access_token = access_token
        self._tokens = tokens
        self._temperature = temperature
        self._keeps_extras = keeps_extras
        self._http = ModelHttp()
        self._tools = ToolsAsJson()

    async def close(self) -> None:
        await self._http.close()

    async def ping(self) -> None:
        own = self._tokens is not None  # it says of each model whether it serves it; others list as they like
        url = f"{self._base_url}/models/{quote(self._model)}" if own else f"{self._base_url}/models"
        async with self._http.request("GET", url, headers=await self._headers(None), timeout_seconds=2.0) as response:
            if own and response.status == 404:
                raise Unavailable(f"the inference service serves no model {self._model}")
            if response.status >= 500:
                raise Unavailable(f"the model's server answered {response.status}")

    async def _headers(self, conversation_id: str | None) -> dict[str, str]:
        if self._api_key:
            return {"Authorization": f"Bearer {self._api_key}"}
        if self._access_token is not None:
            return {"Authorization": f"Bearer {await self._access_token()}"}
        if self._tokens is None:
            return {}
        headers = bearer(await self._tokens.token(_AUDIENCE))
        if conversation_id:
            headers[CONVERSATION_HEADER] = conversation_id
        return headers

    def _body(self, request: CompletionRequest, *, stream: bool) -> bytes:
        return orjson.dumps(
            request_body(
                request.messages,
                model=self._model,
                tools=self._tools.of(request.tools),
                stream=stream,
                options={
                    "response_format": request.response_format,
                    "temperature": self._temperature,
                    "max_completion_tokens": None if self._tokens is None else _LONGEST,
                },
                extras=self._keeps_extras,
            )
        )

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        async with self._http.request(
            "POST",
            self._base_url + "/chat/completions",
            headers=await self._headers(request.conversation_id),
            body=self._body(request, stream=on_text is not None),
            timeout_seconds=request.timeout_seconds,
            streams=on_text is not None,
            span_name="POST model/chat/completions",
            model=self._model,
        ) as response:
            if on_text is not None and response.content_type == "text/event-stream":
                gathered = await gather(sse_data(response.content.iter_any()), on_text)
            else:
                gathered = read_message(await read_limited(response))
                if on_text is not None and gathered.text[0]:
                    on_text(gathered.text[0])
            headers = response.headers
            return completion_of(
                gathered, self._model, version=headers.get(VERSION_HEADER), variant=headers.get(VARIANT_HEADER, "")
            )

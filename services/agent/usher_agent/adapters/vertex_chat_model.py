"""ChatModel over a Vertex AI endpoint: a model that serves OpenAI's chat completions behind rawPredict.

`endpoint_url` is the endpoint's, dedicated (`https://<id>.<region>-<number>.prediction.vertexai.goog/v1/projects/<p>/
locations/<region>/endpoints/<id>`) or shared (`https://<region>-aiplatform.googleapis.com/v1/projects/…`). Google's
vLLM container takes the request as `instances[0]` with `"@requestFormat": "chatCompletions"` and answers with the
completion under `predictions`; a container of one's own may answer with the completion itself. A dedicated endpoint
streams by streamRawPredict; a shared one does not, and takes 1.5 MB and 60 s at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from usher_agent.adapters.model_http import ModelHttp, read_limited
from usher_agent.adapters.openai_wire import Gathered, ToolsAsJson, gather, read_message, request_body, sse_data
from usher_agent.models.ports import Completion, CompletionRequest, Listener, Refused
from usher_shared.errors import Unavailable, UpstreamFailed

_LARGEST_SHARED_BYTES = 1_500_000


class VertexChatModel:
    """`access_token` gives a token of an account with `aiplatform.endpoints.predict`.

    Whether the endpoint is `dedicated` is seen from its host, unless it is said.
    """

    def __init__(
        self,
        endpoint_url: str,
        model: str,
        access_token: Callable[[], Awaitable[str]],
        *,
        temperature: float | None = None,
        dedicated: bool | None = None,
    ) -> None:
        self._url = endpoint_url.rstrip("/")
        self._dedicated = "aiplatform.googleapis.com" not in self._url if dedicated is None else dedicated
        self._model = model
        self._access_token = access_token
        self._temperature = temperature
        self._http = ModelHttp()
        self._tools = ToolsAsJson()

    async def close(self) -> None:
        await self._http.close()

    async def ping(self) -> None:
        """The endpoint's own description; any answer but a failure of the server will do."""
        headers = {"Authorization": f"Bearer {await self._access_token()}"}
        async with self._http.request("GET", self._url, headers=headers, timeout_seconds=2.0) as response:
            if response.status >= 500:
                raise Unavailable(f"the endpoint answered {response.status}")

    def _body(self, request: CompletionRequest, *, stream: bool) -> bytes:
        instance = request_body(
            request,
            model=None,  # an endpoint serves one model, under a name of the container's own
            tools=self._tools.of(request.tools),
            temperature=self._temperature,
            stream=stream,
            extras=False,
        )
        body = orjson.dumps({"instances": [{"@requestFormat": "chatCompletions", **instance}]})
        if not self._dedicated and len(body) > _LARGEST_SHARED_BYTES:
            raise Refused("the conversation is too long for a shared endpoint (1.5 MB)")
        return body

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        streams = on_text is not None and self._dedicated
        verb = "streamRawPredict" if streams else "rawPredict"
        async with self._http.request(
            "POST",
            f"{self._url}:{verb}",
            headers={"Authorization": f"Bearer {await self._access_token()}"},
            body=self._body(request, stream=streams),
            timeout_seconds=request.timeout_seconds,
            streams=streams,
            span_name=f"POST vertex/{verb}",
            model=self._model,
        ) as response:
            if streams and on_text is not None and response.content_type == "text/event-stream":
                gathered = await gather(sse_data(response.content.iter_any()), on_text)
            else:
                gathered = _read(await read_limited(response))
                if on_text is not None and gathered.text[0]:
                    on_text(gathered.text[0])
        # what the container calls its model is a path in it
        gathered.model = self._model
        return gathered.completion(self._model, version=response.headers.get("x-vertex-ai-deployed-model-id"))


def _read(raw: bytes) -> Gathered:
    try:
        body: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UpstreamFailed("the model's answer is no completion") from error
    found = body.get("predictions", body) if isinstance(body, dict) else body
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        raise UpstreamFailed("the model's answer is no completion")
    return read_message(found)

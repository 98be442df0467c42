"""ChatModel over a Vertex AI endpoint: a model that serves OpenAI's chat completions behind rawPredict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from usher_agent.adapters.completions import completion_of
from usher_agent.models.ports import Completion, CompletionRequest, Listener
from usher_shared.errors import Unavailable
from usher_shared.model_servers.http import ModelHttp, read_limited
from usher_shared.model_servers.openai_wire import ToolsAsJson, gather, request_body, sse_data
from usher_shared.model_servers.vertex_wire import is_dedicated, read_prediction, verb, write_instance


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
        self._dedicated = is_dedicated(self._url) if dedicated is None else dedicated
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
            request.messages,
            model=None,  # an endpoint serves one model, under a name of the container's own
            tools=self._tools.of(request.tools),
            stream=stream,
            options={"response_format": request.response_format, "temperature": self._temperature},
        )
        return write_instance(instance, dedicated=self._dedicated)

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        streams = on_text is not None and self._dedicated
        called = verb(streams=streams)
        async with self._http.request(
            "POST",
            f"{self._url}:{called}",
            headers={"Authorization": f"Bearer {await self._access_token()}"},
            body=self._body(request, stream=streams),
            timeout_seconds=request.timeout_seconds,
            streams=streams,
            span_name=f"POST vertex/{called}",
            model=self._model,
        ) as response:
            if streams and on_text is not None and response.content_type == "text/event-stream":
                gathered = await gather(sse_data(response.content.iter_any()), on_text)
            else:
                gathered = read_prediction(await read_limited(response))
                if on_text is not None and gathered.text[0]:
                    on_text(gathered.text[0])
        # what the container calls its model is a path in it
        gathered.model = self._model
        return completion_of(gathered, self._model, version=response.headers.get("x-vertex-ai-deployed-model-id"))

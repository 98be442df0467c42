"""ChatModel over Gemini, by Google's SDK: with an API key, or on Vertex AI with this machine's account."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from usher_agent.models.ports import Completion, CompletionRequest, Listener
from usher_shared.model_servers.gemini_client import GeminiClient

if TYPE_CHECKING:  # the SDK is an optional extra, and heavy
    from google.auth.credentials import Credentials


class GeminiChatModel:
    """Either `api_key`, or `project` and `location`. `base_url` replaces Google's address.

    Raises UsherError at once when the SDK is not installed.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        project: str | None = None,
        location: str | None = None,
        base_url: str | None = None,
        credentials: Credentials | None = None,
        temperature: float | None = None,
    ) -> None:
        self._client = GeminiClient(
            model, api_key=api_key, project=project, location=location, base_url=base_url, credentials=credentials
        )
        self._temperature = temperature

    async def close(self) -> None:
        await self._client.close()

    async def ping(self) -> None:
        await self._client.ping()

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        from usher_shared.model_servers.gemini_wire import GeminiAnswer

        answer = GeminiAnswer(self._client.model)
        config: dict[str, Any] = {"temperature": self._temperature}
        if request.response_format is not None:
            config["response_mime_type"] = "application/json"
            config["response_json_schema"] = (request.response_format.get("json_schema") or {}).get("schema")
        pieces = self._client.stream(
            request.messages, answer, timeout_seconds=request.timeout_seconds, tools=request.tools, **config
        )
        async with aclosing(pieces):
            async for said in pieces:
                if on_text is not None:
                    on_text(said)
        return Completion(
            text=answer.whole_text(),
            tool_calls=answer.calls,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            cached_tokens=answer.cached_tokens,
            model=answer.model,
            version=answer.version,
        )

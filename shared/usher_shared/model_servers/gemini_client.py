"""Gemini by Google's SDK: with an API key, or on Vertex AI with this machine's account.

The SDK waits up to ten seconds and repeats a request whose connection failed, unless it is told how often to try:
it is told once, since what to do then is decided elsewhere. Answers are always read as a stream, so that their length
is bounded. Safety settings are the service's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any

from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout, UsherError
from usher_shared.model_servers.answers import LONGEST_ANSWER_BYTES, Refused
from usher_shared.telemetry import span
from usher_shared.telemetry.tracing import SpanKind

if TYPE_CHECKING:  # the SDK is an optional extra, and heavy
    from google.auth.credentials import Credentials
    from google.genai import Client
    from google.genai.errors import APIError

    from usher_shared.model_servers.gemini_wire import GeminiAnswer

_PING_SECONDS = 2.0


class GeminiClient:
    """One model: either with `api_key`, or with `project` and `location`. `base_url` replaces Google's address.

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
    ) -> None:
        try:
            from google import genai
            from google.genai import types
        except ImportError as error:
            raise UsherError("Gemini needs the extra usher-shared[gemini]") from error
        logging.getLogger("google_genai").setLevel(logging.WARNING)
        options = types.HttpOptions(base_url=base_url, retry_options=types.HttpRetryOptions(attempts=1))
        if api_key is not None:
            self._client: Client = genai.Client(vertexai=False, api_key=api_key, http_options=options)
        else:
            self._client = genai.Client(
                vertexai=True, project=project, location=location, credentials=credentials, http_options=options
            )
        self.model = model

    async def close(self) -> None:
        await self._client.aio.aclose()
        self._client.close()

    async def ping(self) -> None:
        """Return if Google knows the model. Raises as `stream`."""
        from google.genai import types

        try:
            async with asyncio.timeout(_PING_SECONDS):
                await self._client.aio.models.get(
                    model=self.model,
                    config=types.GetModelConfig(http_options=types.HttpOptions(timeout=int(_PING_SECONDS * 1000))),
                )
        except TimeoutError as error:
            raise Unavailable("the model did not answer in time") from error
        except Exception as error:
            raise _meaning(error) from error

    async def stream(
        self,
        messages: Sequence[dict[str, Any]],
        answer: GeminiAnswer,
        *,
        timeout_seconds: float,
        tools: Sequence[dict[str, Any]] = (),
        **config: Any,
    ) -> AsyncGenerator[str, None]:
        """The text, piece by piece; `answer` takes in everything. `config` are members of GenerateContentConfig.

        Raises Unavailable (with `retry_after_seconds` where it is told), UpstreamTimeout, UpstreamFailed, Refused.
        """
        from google.genai import types

        from usher_shared.model_servers.gemini_wire import contents, declare

        system, told = contents(messages, self.model)
        asked = types.GenerateContentConfig(
            system_instruction=system,
            http_options=types.HttpOptions(timeout=max(1, int(timeout_seconds * 1000))),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            tools=[declare(tools)] if tools else None,
            **config,
        )
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        async def read() -> None:
            length = 0
            try:
                with span("POST gemini/generateContent", SpanKind.CLIENT, **{"gen_ai.request.model": self.model}):
                    async with asyncio.timeout(timeout_seconds):
                        stream: Any = await self._client.aio.models.generate_content_stream(
                            model=self.model, contents=told, config=asked
                        )
                        async for chunk in stream:
                            said = answer.add(chunk)
                            length += len(said) + sum(len(call.arguments) for call in answer.calls)
                            if length > LONGEST_ANSWER_BYTES:
                                raise UpstreamFailed("the model's answer does not end")
                            if said:
                                pieces.put_nowait(said)
            except TimeoutError as error:
                raise UpstreamTimeout("the model did not answer in time") from error
            except UsherError:
                raise
            except Exception as error:
                raise _meaning(error) from error
            finally:
                pieces.put_nowait(None)

        # in a task of its own, because cancelling it ends the connection; closing the SDK's stream leaves that open
        # until the garbage is collected, and the model goes on for nobody
        reading = asyncio.create_task(read())
        try:
            while (said := await pieces.get()) is not None:
                yield said
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def _meaning(error: Exception) -> UsherError:
    """What a failure of the SDK means. Its text is not repeated: it may hold the customer's words."""
    import aiohttp
    from google.auth.exceptions import GoogleAuthError
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _refused(error)
    if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
        return Unavailable("the model cannot be reached")
    if isinstance(error, GoogleAuthError):
        return Unavailable(f"no Google credentials: {type(error).__name__}")
    return UpstreamFailed(f"the model's answer could not be read: {type(error).__name__}")


def _refused(error: APIError) -> UsherError:
    detail = f"the model's server answered {error.code} {error.status if isinstance(error.status, str) else ''}".strip()
    if error.code in (429, 503):
        return Unavailable(detail, retry_after_seconds=_retry_delay(error))
    if error.code in (408, 504):
        return UpstreamTimeout(detail)
    if error.code == 400:
        return Refused(detail)
    return UpstreamFailed(detail)


def _retry_delay(error: APIError) -> float | None:
    """Google's `RetryInfo`, such as "17s"; or Retry-After."""
    body = error.details if isinstance(error.details, dict) else {}
    for detail in (body.get("error") or body).get("details") or ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and delay.endswith("s"):
            try:
                return float(delay[:-1])
            except ValueError:
                break
    header = getattr(error.response, "headers", None)
    found = header.get("Retry-After") if header is not None else None
    return float(found) if isinstance(found, str) and found.isdigit() else None

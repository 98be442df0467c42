"""The HTTP client for models' servers: aiohttp, and what its failures mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout
from usher_shared.model_servers.answers import LONGEST_ANSWER_BYTES
from usher_shared.model_servers.openai_wire import error_of
from usher_shared.telemetry import begin_span, current
from usher_shared.telemetry.tracing import SpanKind

_LONGEST_ERROR_BYTES = 64 << 10
_CONNECT_SECONDS = 5.0


class ModelHttp:
    """One session, opened when it is first needed. No redirects: a key is nobody else's business."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def open(self) -> aiohttp.ClientSession:
        if self._session is None:  # needs a running loop, hence not in __init__
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0, ttl_dns_cache=60)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout_seconds: float,
        body: bytes | None = None,
        streams: bool = False,
        span_name: str = "model",
        model: str = "",
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer below 400, still to be read. Raises Unavailable, UpstreamTimeout, UpstreamFailed, Refused;
        while it is read too."""
        sent = {"Content-Type": "application/json", **headers}
        if streams:
            sent["Accept"] = "text/event-stream"
        # the answer may be read to its end in another task, so that the span is no block
        open_span = begin_span(span_name, SpanKind.CLIENT, {"gen_ai.request.model": model})
        with open_span.inside():
            context = current()
        if context is not None:
            sent["X-Request-Id"] = context.request_id
            sent["traceparent"] = context.traceparent
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=_CONNECT_SECONDS)
        try:
            async with self.open().request(
                method, url, data=body, headers=sent, timeout=timeout, allow_redirects=False
            ) as response:
                if method == "POST" and response.status >= 300:
                    said = await response.content.read(_LONGEST_ERROR_BYTES)
                    raise error_of(response.status, said, response.headers.get("Retry-After"))
                yield response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable("the model cannot be reached") from error
        except TimeoutError as error:
            raise UpstreamTimeout("the model did not answer in time") from error
        except aiohttp.ClientError as error:
            raise UpstreamFailed(f"the model's connection broke: {type(error).__name__}") from error
        finally:
            open_span.end()


async def read_limited(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises UpstreamFailed for an endless one."""
    chunks: list[bytes] = []
    total = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        total += len(chunk)
        if total > LONGEST_ANSWER_BYTES:
            raise UpstreamFailed("the model's answer does not end")
    return b"".join(chunks)

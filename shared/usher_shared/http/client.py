"""The HTTP client between services: aiohttp (several times cheaper per call than httpx), tokens, ids, problems.

Errors: what the other side answered as a problem document comes back as the UsherError of that status;
no connection is Unavailable; no answer in time is UpstreamTimeout (the effect is then unknown).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout, error_from_status
from usher_shared.http.tokens import TokenSource
from usher_shared.telemetry import current, span
from usher_shared.telemetry.tracing import SpanKind

_PROBLEM = "application/problem+json"


def bearer(token: str) -> dict[str, str]:
    """Headers that name us to a service: `Authorization` for the service, the other for Cloud Run in front of it.

    Cloud Run checks `X-Serverless-Authorization` where it is sent and takes the signature off the token that it has
    checked, so `Authorization` arrives as it was sent and the service can verify it too.
    https://cloud.google.com/run/docs/authenticating/service-to-service
    """
    return {"Authorization": f"Bearer {token}", "X-Serverless-Authorization": f"Bearer {token}"}


def _quietly_loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer, undecoded."""

    status: int
    body: bytes
    media_type: str = "application/json"


class ServiceClient:
    """Calls one service at `base_url`, whose token audience is `service`. Times in seconds."""

    def __init__(self, service: str, base_url: str, tokens: TokenSource, *, timeout_seconds: float = 30.0) -> None:
        self._service = service
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=5.0)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # needs a running loop, hence not in __init__
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0, ttl_dns_cache=60)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session

    async def _headers(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        headers = bearer(await self._tokens.token(self._service))
        context = current()
        if context is not None:
            headers["X-Request-Id"] = context.request_id
            headers["traceparent"] = context.traceparent
        if extra:
            headers.update(extra)
        return headers

    def _raise_for(self, status: int, body: bytes, retry_after: str | None) -> None:
        if status < 300:
            return
        if status < 400:  # elsewhere our token is nobody's business
            raise UpstreamFailed(f"{self._service} redirects ({status}): is its URL right?")
        problem = _quietly_loads(body)
        if not isinstance(problem, dict):
            problem = {}
        detail = str(problem.get("detail") or f"{self._service} answered {status}")
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        error = error_from_status(status, detail, code=problem.get("code"), retry_after=seconds)
        known = {"type", "title", "status", "detail", "code", "request_id"}
        error.extra = {key: value for key, value in problem.items() if key not in known}
        raise error

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> Any:
        """The decoded JSON answer (None for an empty one). Raises UsherError children, see the module."""
        content = None if json is None else orjson.dumps(json)
        answer = await self.call_raw(
            method, path, content=content, params=params, headers=headers, timeout_seconds=timeout_seconds
        )
        if not answer.body:
            return None
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise UpstreamFailed(f"{self._service} did not answer with JSON") from error

    async def call_raw(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> RawAnswer:
        """As `call`, with JSON bytes in and bytes out: for passing an answer on without decoding it."""
        answer, retry_after = await self._send(
            method, path, content=content, params=params, headers=headers, timeout_seconds=timeout_seconds
        )
        self._raise_for(answer.status, answer.body, retry_after)
        return answer

    async def exchange(
        self, method: str, path: str, *, content: bytes, headers: Mapping[str, str] | None = None
    ) -> RawAnswer:
        """As `call_raw` for a protocol with refusals of its own: only problem documents and redirects are raised."""
        answer, retry_after = await self._send(method, path, content=content, headers=headers)
        if 300 <= answer.status < 400 or answer.media_type == _PROBLEM:
            self._raise_for(answer.status, answer.body, retry_after)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> tuple[RawAnswer, str | None]:
        """The answer, whatever it is, and its Retry-After."""
        timeout = self._timeout if timeout_seconds is None else aiohttp.ClientTimeout(total=timeout_seconds)
        with span(f"{method} {self._service}{path}", SpanKind.CLIENT):
            sent = await self._headers(headers)
            if content is not None:
                sent["Content-Type"] = "application/json"
            try:
                async with self._open().request(
                    method,
                    self._base_url + path,
                    data=content,
                    params=params,
                    headers=sent,
                    timeout=timeout,
                    allow_redirects=False,
                ) as response:
                    raw = await response.read()
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                raise Unavailable(f"{self._service} cannot be reached", retry_after_seconds=1) from error
            except TimeoutError as error:
                raise UpstreamTimeout(f"{self._service} did not answer in time") from error
            except aiohttp.ClientError as error:
                # the connection broke after the request went out: the effect is unknown, as with a timeout
                raise UpstreamTimeout(f"{self._service} broke the connection: {error!r}") from error
        return RawAnswer(response.status, raw, response.content_type), response.headers.get("Retry-After")

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        idle_seconds: float = 120.0,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer's body as it comes (chunks of any size). Errors as in `call`, before the first byte or between."""
        sent = await self._headers({"Accept": "text/event-stream", **(headers or {})})
        body = None
        if json is not None:
            body = orjson.dumps(json)
            sent["Content-Type"] = "application/json"
        timeout = aiohttp.ClientTimeout(total=None, connect=5.0, sock_read=idle_seconds)
        try:
            async with self._open().request(
                method,
                self._base_url + path,
                data=body,
                params=params,
                headers=sent,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    self._raise_for(response.status, await response.read(), response.headers.get("Retry-After"))
                yield self._chunks(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"{self._service} cannot be reached", retry_after_seconds=1) from error
        except TimeoutError as error:
            raise UpstreamTimeout(f"{self._service} fell silent") from error
        except aiohttp.ClientError as error:
            raise UpstreamTimeout(f"{self._service} broke the connection: {error!r}") from error

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except TimeoutError as error:
            raise UpstreamTimeout(f"{self._service} fell silent") from error
        except aiohttp.ClientError as error:
            raise UpstreamTimeout(f"{self._service} broke the connection: {error!r}") from error

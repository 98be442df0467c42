"""Calls to the services behind the gateway, and their failures as the public may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson

from usher_shared.contracts.identity import Principal
from usher_shared.errors import Forbidden, Unauthenticated, Unavailable, UpstreamFailed
from usher_shared.http.client import RawAnswer, ServiceClient

_BETWEEN_SERVICES = ("wrong_caller", "wrong_audience")


@contextmanager
def _public_errors() -> Iterator[None]:
    try:
        yield
    except Unauthenticated as error:
        raise UpstreamFailed("a service behind this one refused it") from error
    except Forbidden as error:
        if error.code in _BETWEEN_SERVICES:
            raise UpstreamFailed("a service behind this one refused it") from error
        raise
    except Unavailable as error:
        if error.retry_after_seconds is None:
            error.retry_after_seconds = 1.0
        raise


class Upstream:
    """One service. Paths are made of checked ids only."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def call(
        self,
        method: str,
        path: str,
        principal: Principal,
        *,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> RawAnswer:
        """The answer, undecoded. Raises what the service's problem stands for; a 401 between services is a 502 here."""
        sent = {**principal.headers(), **(headers or {})}
        with _public_errors():
            return await self._client.call_raw(method, path, content=content, params=params, headers=sent)

    async def pass_on(self, path: str, *, content: bytes, headers: Mapping[str, str]) -> None:
        """POST for nobody that we know: the service checks who speaks. Raises as `call`."""
        with _public_errors():
            await self._client.call_raw("POST", path, content=content, headers=headers)

    async def exchange(
        self, method: str, path: str, principal: Principal, *, content: bytes, headers: Mapping[str, str]
    ) -> RawAnswer:
        """As `call` for a protocol with refusals of its own, which are answers too."""
        with _public_errors():
            return await self._client.exchange(
                method, path, content=content, headers={**headers, **principal.headers()}
            )

    async def fetch(self, path: str, principal: Principal, *, params: Mapping[str, str | int] | None = None) -> Any:
        """The decoded answer of a GET. Raises as `call`, and UpstreamFailed for what is no JSON."""
        answer = await self.call("GET", path, principal, params=params)
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise UpstreamFailed("a service behind this one did not answer with JSON") from error

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        principal: Principal,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        idle_seconds: float,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Server-sent events as they come. Errors as in `call`, before the first byte."""
        sent = {**principal.headers(), **(headers or {})}
        with _public_errors():
            async with self._client.stream(method, path, json=json, headers=sent, idle_seconds=idle_seconds) as chunks:
                yield chunks

    async def check(self) -> None:
        """For /ready. Raises unless the service answers /health within two seconds."""
        await self._client.call_raw("GET", "/health", timeout_seconds=2.0)

    async def close(self) -> None:
        await self._client.close()

"""Sender and Destinations over aiohttp.

Every address is checked twice: when a name resolves, and again as the socket for exactly that address is made, so
that neither DNS rebinding nor another spelling of an address gets through. TLS keeps the URL's own host name (SNI,
certificate, Host header).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from usher_webhooks.deliveries.model import Answer
from usher_webhooks.destinations import DestinationPolicy, ForbiddenDestination

_RESOLVE_SECONDS = 5.0
_BODY_SECONDS = 1.0
_USER_AGENT = "Usher-Webhooks/1"


class ForbiddenAddress(OSError):
    """The address is not one that webhooks may be sent to."""


class GuardedResolver(AbstractResolver):
    """Resolves like `inner`, and fails if any of the addresses is forbidden."""

    def __init__(self, inner: AbstractResolver, policy: DestinationPolicy) -> None:
        self._inner = inner
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            if not self._policy.allows(result["host"]):
                raise ForbiddenAddress(f"{host} resolves to a forbidden address")
        return results

    async def close(self) -> None:
        await self._inner.close()


class HttpSender:
    """Open inside a running loop or not: the connections are made at the first use. Times in seconds."""

    def __init__(
        self,
        policy: DestinationPolicy,
        *,
        timeout_seconds: float,
        max_response_bytes: int,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls` replaces the default context, which trusts the usual authorities and checks host names."""
        self._policy = policy
        self._tls: ssl.SSLContext | bool = tls or True
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._max_response_bytes = max_response_bytes
        self._given_resolver = resolver
        self._resolver: GuardedResolver | None = None
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> tuple[aiohttp.ClientSession, GuardedResolver]:
        if self._session is None or self._resolver is None:
            self._resolver = GuardedResolver(self._given_resolver or aiohttp.ThreadedResolver(), self._policy)
            connector = aiohttp.TCPConnector(
                limit=0,  # the lanes bound the attempts
                resolver=self._resolver,
                ssl=self._tls,
                socket_factory=self._make_socket,
                keepalive_timeout=15.0,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=self._timeout,
                headers={"User-Agent": _USER_AGENT},
            )
        return self._session, self._resolver

    def _make_socket(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, target = address
        if not self._policy.allows(target[0]):
            raise ForbiddenAddress("forbidden address")
        return socket.socket(family=family, type=kind, proto=protocol)

    async def check(self, url: str) -> None:
        host, port = self._policy.check_url(url)
        _, resolver = self._open()
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                await resolver.resolve(host, port, socket.AF_UNSPEC)
        except ForbiddenAddress as error:
            raise ForbiddenDestination("webhooks are not sent to the address of that host") from error
        except (OSError, TimeoutError):
            return  # it may resolve later; each connection is checked anyway

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        session, _ = self._open()
        started = time.perf_counter()
        status, error, retry_after = None, None, None
        try:
            self._policy.check_url(url)  # the policy may be stricter now than at registration
            async with session.post(
                url, data=body, headers={"Content-Type": "application/json", **headers}, allow_redirects=False
            ) as response:
                status = response.status
                retry_after = _retry_after(response.headers.get("Retry-After"))
                if not 200 <= status < 300:
                    error = "redirects are not followed" if 300 <= status < 400 else f"answered {status}"
                await self._drain(response)
        except TimeoutError:
            if status is None:
                error = "no answer in time"
        except ForbiddenDestination as refusal:
            error = refusal.detail
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            if status is None:
                error = _reason(failure)
        return Answer(status, error, (time.perf_counter() - started) * 1000, retry_after)

    async def _drain(self, response: aiohttp.ClientResponse) -> None:
        """Read a short body, so that the connection can be used again; drop the connection of a long or slow one."""
        left = self._max_response_bytes
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                while left > 0 and (chunk := await response.content.read(left)):
                    left -= len(chunk)
        except TimeoutError:
            left = 0
        if left <= 0:
            response.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _reason(failure: BaseException) -> str:
    """A text for the delivery log, without addresses of our network."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ForbiddenAddress):
            return "the host resolves to an address that webhooks are not sent to"
        cause = getattr(cause, "os_error", None) or cause.__cause__
    match failure:
        case aiohttp.ClientConnectorDNSError():
            return "the host name does not resolve"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "the TLS certificate or handshake failed"
        case aiohttp.ClientConnectorError() | ConnectionRefusedError():
            return "cannot connect"
        case aiohttp.InvalidURL():
            return "the URL is not valid"
    return f"the connection failed ({type(failure).__name__})"


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or an HTTP date."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())

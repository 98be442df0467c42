"""A venue's own ticketing system over HTTP, as docs/guides/box-office-partner.md describes it.

What is repeated: reads, and calls with an Idempotency-Key under that key, when no sound answer came (not reached, cut
off, timed out, 5xx) or the partner asks for it (429, 409 idempotency_in_flight). A system that keeps failing is left
alone for a while. The key is in one header of each request and nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from pydantic import SecretStr

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER
from usher_shared.contracts.identity import CUSTOMER_HEADER
from usher_shared.errors import ConfirmationRequired, UpstreamFailed, UpstreamTimeout, UsherError, error_from_status
from usher_shared.outage import Outage
from usher_shared.telemetry import current, span
from usher_shared.telemetry.tracing import SpanKind
from usher_tools.partner.ports import NothingDone, OutcomeUnknown, PartnerCall
from usher_tools.settings import Settings

_LOG = logging.getLogger(__name__)
_LARGEST = 1 << 20  # bytes of an answer
_TRIES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_LONGEST_RETRY_AFTER = 5.0  # a partner that wants to be left alone for longer is
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_IN_FLIGHT = "idempotency_in_flight"
_UNREACHED = "partner_unreachable"
_OF_THE_CALL = frozenset({ConfirmationRequired.code, "wrong_customer"})  # any other 403 is about our key
_PASSED_ON = frozenset({400, 403, 404, 409, 410, 422})
# members of a problem document that are passed on
_EXTRA = ("errors", "seat_ids", "consumed")


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    retry_after: str | None


class _Setback(Exception):
    """One request without an answer to its call. `error` is what the caller gets to know if it stays so."""

    def __init__(self, error: UsherError, *, acted: bool, again: bool = True) -> None:
        super().__init__(error.detail)
        self.error = error
        self.acted = acted  # the partner may have acted
        self.again = again


class HttpPartner:
    """Calls `POST {url}/tools/{name}` and `GET {url}/health`; times in seconds."""

    def __init__(
        self,
        url: str,
        key: SecretStr,
        *,
        try_seconds: float = 4.0,
        call_seconds: float = 8.0,
        action_seconds: float = 20.0,
        failures: int = 5,
        pause_seconds: float = 5.0,
        connections: int = 64,
    ) -> None:
        self._url = url
        self._key = key
        self._try_seconds = try_seconds
        self._call_seconds = call_seconds
        self._action_seconds = action_seconds
        self._pause_seconds = pause_seconds
        self._connections = connections
        self._outage = Outage(
            "the venue's system keeps failing: it is left alone for a while",
            "the venue's system answers again",
            pause_seconds,
            failures=failures,
        )
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # needs a running loop, hence not in __init__
            connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=15.0, ttl_dns_cache=60)
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, auto_decompress=False)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ping(self) -> None:
        reply = await self._send("GET", "/health", {}, None, self._try_seconds)
        if reply.status != 200:
            raise UpstreamFailed(f"the venue's system says {reply.status} of its health")

    async def ask(self, call: PartnerCall) -> dict[str, Any]:
        """See the port."""
        deadline = time.monotonic() + (self._action_seconds if call.confirmation else self._call_seconds)
        tries, acted = 0, False
        while True:
            tries += 1
            try:
                return await self._try(call, min(self._try_seconds, max(deadline - time.monotonic(), 0.05)))
            except _Setback as setback:
                acted = acted or setback.acted
                pause = _pause(setback, tries)
                if pause is None or time.monotonic() + pause >= deadline:
                    if acted and call.key is not None:
                        raise OutcomeUnknown("the venue's system did not say whether this was done") from setback
                    raise setback.error from setback
            await asyncio.sleep(pause)

    async def _try(self, call: PartnerCall, seconds: float) -> dict[str, Any]:
        """One request. Raises _Setback, and the partner's refusal."""
        if self._outage.holds():
            error = NothingDone("the venue's system is failing", retry_after_seconds=self._pause_seconds)
            raise _Setback(error, acted=False, again=False)
        with span(f"POST partner/{call.tool}", SpanKind.CLIENT):
            try:
                reply = await self._send("POST", _path(call), _headers(call), orjson.dumps(call.arguments), seconds)
                answer = _read(reply)
            except _Setback as setback:
                if isinstance(setback.error, (UpstreamFailed, UpstreamTimeout)) or setback.error.code == _UNREACHED:
                    self._outage.note_failure(setback)
                else:
                    self._outage.note_success()  # it answers, if not with what was wanted
                raise
            except UsherError:
                self._outage.note_success()
                raise
        self._outage.note_success()
        return answer

    async def _send(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None, seconds: float
    ) -> _Reply:
        sent = {
            "Usher-Contract": "1",
            "Authorization": f"Bearer {self._key.get_secret_value()}",
            "Accept": "application/json, application/problem+json",
            "Accept-Encoding": "identity",
            **headers,
        }
        # connecting ends earlier than the whole: what was never connected surely had no effect
        timeout = aiohttp.ClientTimeout(total=seconds, connect=seconds * 0.6)
        try:
            async with self._open().request(
                method, self._url + path, data=content, headers=sent, timeout=timeout, allow_redirects=False
            ) as response:
                body = await _read_capped(response)
                return _Reply(response.status, body, response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            unreached = NothingDone("the venue's system cannot be reached", code=_UNREACHED)
            raise _Setback(unreached, acted=False) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            lost = UpstreamTimeout("the venue's system did not answer in time", code="partner_timeout")
            raise _Setback(lost, acted=True) from error


def _pause(setback: _Setback, tries: int) -> float | None:
    """Seconds until the next try; None when there is to be none."""
    wanted = setback.error.retry_after_seconds or 0.0
    under_way = setback.error.code == _IN_FLIGHT  # then until the deadline: the first request's answer is coming
    if not setback.again or wanted > _LONGEST_RETRY_AFTER or (tries >= _TRIES and not under_way):
        return None
    # full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    jitter = random.uniform(0, min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE))
    return max(wanted, 0.05) + jitter


def _path(call: PartnerCall) -> str:
    page = {"limit": call.page.limit, "cursor": call.page.cursor}
    query = urlencode({name: value for name, value in page.items() if value is not None})
    return f"/tools/{call.tool}" + (f"?{query}" if query else "")


def _headers(call: PartnerCall) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if call.customer_id:
        headers[CUSTOMER_HEADER] = call.customer_id
    if call.key is not None:
        headers["Idempotency-Key"] = call.key
    if call.confirmation is not None:
        headers[CONFIRMATION_HEADER] = call.confirmation.to_header()
    context = current()
    if context is not None:
        headers["X-Request-Id"] = context.request_id
        headers["traceparent"] = context.traceparent
    return headers


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises _Setback for one that is too long, without reading on."""
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > _LARGEST:
            response.close()
            raise _nonsense(f"more than {_LARGEST} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _nonsense(what: str) -> _Setback:
    error = UpstreamFailed(f"the venue's system answered nonsense: {what}", code="partner_nonsense")
    return _Setback(error, acted=True, again=False)


def _loads(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _read(reply: _Reply) -> dict[str, Any]:
    """The answer. Raises _Setback, and the partner's refusal."""
    status, body = reply.status, _loads(reply.body)
    if status == 200 and body is not None:
        return body
    if status < 400:
        raise _nonsense(f"status {status} without a JSON object")
    seconds = float(reply.retry_after) if reply.retry_after and reply.retry_after.isdigit() else None
    if status >= 500:
        failing = UpstreamFailed(f"the venue's system failed ({status})", retry_after_seconds=seconds)
        raise _Setback(failing, acted=True)
    if status == 429:
        busy = NothingDone("the venue's system is busy", code="partner_busy", retry_after_seconds=seconds)
        raise _Setback(busy, acted=False)
    code = (body or {}).get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise _nonsense(f"status {status} without a problem document's code")
    if status == 401 or (status == 403 and code not in _OF_THE_CALL):
        _LOG.error("the venue's system does not accept our key", extra={"status": status, "code": code})
        refused = NothingDone("the venue's system does not let us in", code="partner_refuses_us")
        raise _Setback(refused, acted=False, again=False)
    if code == _IN_FLIGHT:
        under_way = NothingDone("the first call is still under way", code=code, retry_after_seconds=seconds)
        raise _Setback(under_way, acted=True)
    refusal = _refusal(status, code, body or {})
    if status not in _PASSED_ON:  # what stands between may say so after the partner has acted
        raise _Setback(refusal, acted=True, again=False)
    raise refusal


def _refusal(status: int, code: str, problem: dict[str, Any]) -> UsherError:
    """The partner's no, as the error of that status; one that we have no error for is a conflict."""
    detail = str(problem.get("detail") or "the venue's system refused this")[:500]
    error = error_from_status(status if status in _PASSED_ON else 409, detail, code=code)
    error.extra = {name: problem[name] for name in _EXTRA if name in problem}
    return error


def partner_of(settings: Settings) -> HttpPartner | None:
    """The partner that the settings name, if any."""
    if settings.partner_url is None or settings.partner_key is None:
        return None
    return HttpPartner(
        settings.partner_url,
        settings.partner_key,
        try_seconds=settings.partner_try_seconds,
        call_seconds=settings.partner_call_seconds,
        action_seconds=settings.partner_action_seconds,
        failures=settings.partner_failures,
        pause_seconds=settings.partner_pause_seconds,
        connections=settings.partner_connections,
    )

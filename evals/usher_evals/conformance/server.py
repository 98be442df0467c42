"""The server under test, over HTTP with the standard library: a fresh connection for each call, from any thread."""

from __future__ import annotations

import http.client
import itertools
import json
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.contracts.identity import CUSTOMER_HEADER

T = TypeVar("T")


class Unreachable(Exception):
    """The server did not answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is the decoded JSON, None where there is none; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None

    def __str__(self) -> str:
        return f"{self.status} {json.dumps(self.body, ensure_ascii=False)[:300]}"


class Server:
    """`wait` lets time pass at the server: time.sleep, but for tests that move its clock."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        run: str,
        wait: Callable[[float], None],
        patience: float,
        event_id: str | None = None,
        timeout: float = 20.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no URL of a server")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._base = parts.hostname, parts.port, parts.path.rstrip("/")
        self._key = key
        self._run = run
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self.wait = wait
        self.patience = patience
        self.event_id = event_id

    def name(self, what: str) -> str:
        """A name that nobody has used: of a customer, of a key."""
        return f"{self._run}-{what}-{next(self._numbers)}"

    def request(
        self, method: str, path: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Raises Unreachable."""
        connection: http.client.HTTPConnection
        if self._secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(method, self._base + path, body=content, headers=dict(headers or {}))
            response = connection.getresponse()
            raw = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        return Reply(response.status, found, body)

    def tool(
        self,
        name: str,
        arguments: Any,
        customer: str | None = None,
        *,
        key: str | None = None,
        confirmation: Confirmation | None = None,
        bearer: str | None = "",
        page: Mapping[str, str | int] | None = None,
    ) -> Reply:
        """`bearer`: our key by default, None for none."""
        headers = {"Content-Type": "application/json", "Usher-Contract": "1"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer or self._key}"
        if customer is not None:
            headers[CUSTOMER_HEADER] = customer
        if key is not None:
            headers["Idempotency-Key"] = key
        if confirmation is not None:
            headers[CONFIRMATION_HEADER] = confirmation.to_header()
        query = f"?{urlencode(page)}" if page else ""
        content = json.dumps(arguments, ensure_ascii=False).encode()
        return self.request("POST", f"/tools/{name}{query}", content=content, headers=headers)

    def confirm(self, quote: Mapping[str, Any], customer: str, **changes: Any) -> Confirmation:
        """The customer's yes to that quote."""
        fields = {
            "id": self.name("yes"),
            "quote_id": quote["quote_id"],
            "action": quote["action"],
            "fingerprint": fingerprint(quote["action"], quote["arguments"]),
            "total_minor": quote["total_minor"],
            "currency": quote["currency"],
            "customer_id": customer,
            "confirmed_at": datetime.now(UTC),
            "evidence": "endpoint",
        }
        return Confirmation(**(fields | changes))

    def act(self, quote: Mapping[str, Any], customer: str, yes: Confirmation | None = None) -> Reply:
        """Carry out what was quoted, under the confirmation's id."""
        yes = yes or self.confirm(quote, customer)
        return self.tool(quote["action"], quote["arguments"], customer, key=yes.id, confirmation=yes)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The calls from as many threads, started together."""
    barrier = threading.Barrier(len(calls))

    def go(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))

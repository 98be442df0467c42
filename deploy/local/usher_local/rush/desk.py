"""The counter as customers see it: calls over HTTP, each with what was answered and how long it took."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.contracts.identity import Principal
from usher_shared.http.tokens import TokenSource

_TIMEOUT = aiohttp.ClientTimeout(total=120)
EXPECTED = frozenset({200, 409})
"""A customer of a rush is served, or told plainly that it cannot be: anything else is a fault."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: none came."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def code(self) -> str:
        return str(self.body.get("code", self.status))


class Desk:
    """Calls the tools of the box office at `urls`, its processes by turns, whoever calls.

    `latencies` in seconds by step, `refusals` by step, status and code.
    """

    def __init__(self, urls: Sequence[str], agent: TokenSource) -> None:
        self._urls = itertools.cycle(urls)
        self._agent = agent
        self.latencies: defaultdict[str, list[float]] = defaultdict(list)
        self.refusals: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=20.0), timeout=_TIMEOUT
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def server_errors(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def unanswered(self) -> int:
        return self.statuses[0]

    @property
    def unexpected(self) -> int:
        """Answers that are neither success, clean refusal nor server error."""
        return sum(n for status, n in self.statuses.items() if status not in EXPECTED and 0 < status < 500)

    async def tool(
        self, name: str, arguments: Mapping[str, Any], customer: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One call of a tool; nothing is retried here."""
        named = Principal(client_id="rush", customer_id=customer).headers()
        return await self._call("POST", f"/tools/{name}", name, {**named, **(headers or {})}, arguments)

    async def orders(self, customer: str) -> Answer:
        """The customer's orders, as the gateway reads them."""
        named = Principal(client_id="rush", customer_id=customer).headers()
        return await self._call("GET", f"/orders?customer_id={customer}&limit=100", "orders", named, None)

    async def _call(
        self, method: str, path: str, step: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> Answer:
        sent = {**headers, "Authorization": f"Bearer {await self._agent.token('tools')}"}
        data = None if body is None else orjson.dumps(body)
        if data is not None:
            sent["Content-Type"] = "application/json"
        start = time.perf_counter()
        try:
            async with self._session.request(method, next(self._urls) + path, data=data, headers=sent) as response:
                answer = Answer(response.status, orjson.loads(await response.read()))
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            answer = Answer(0, {"code": "no_answer", "detail": repr(error)})
        self.latencies[step].append(time.perf_counter() - start)
        self.statuses[answer.status] += 1
        if not answer.ok:
            self.refusals[f"{step} {answer.status} {answer.code}"] += 1
        return answer

    async def buy(self, hold_id: str, customer: str) -> Answer:
        """Quote the hold and pay for it with the customer's yes, as the agent records it."""
        wanted = {"action": "create_order", "arguments": {"hold_id": hold_id}}
        quoted = await self.tool("quote", wanted, customer)
        if not quoted.ok:
            return quoted
        yes = Confirmation(
            id=f"CONF-{secrets.token_hex(12)}",
            quote_id=quoted.body["quote_id"],
            action="create_order",
            fingerprint=fingerprint("create_order", quoted.body["arguments"]),
            total_minor=quoted.body["total_minor"],
            currency=quoted.body["currency"],
            customer_id=customer,
            confirmed_at=datetime.now(UTC),
            evidence="endpoint",
        )
        headers = {CONFIRMATION_HEADER: yes.to_header(), "Idempotency-Key": yes.id}
        return await self.tool("create_order", quoted.body["arguments"], customer, headers)

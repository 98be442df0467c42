"""A client of the public HTTP API alone: chat, confirmations, orders, events, and the tools of `/mcp`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp


class Refused(Exception):
    """A problem document, or a tool's refusal: `status` (0 for a tool's), `code`, `detail`, `body`."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.body = dict(body)
        self.code = str(body.get("code", "unknown"))
        self.detail = str(body.get("detail", ""))
        super().__init__(f"{status} {self.code}: {self.detail}")


class NoAnswer(Exception):
    """The stack gave no answer at all: not reached, cut off, or too late."""


class Api:
    """`headers` carry the credential: {"X-API-Key": …} or {"Authorization": "Bearer …"}. Times in seconds.

    An examination needs a key with the scopes chat, orders, tools and act_as_customer.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], *, timeout_seconds: float = 90.0) -> None:
        self._base_url = base_url.rstrip("/")
        connector = aiohttp.TCPConnector(keepalive_timeout=4.0)
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        )
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The decoded answer. Raises Refused for a problem, NoAnswer when nothing answers."""
        try:
            async with self._session.request(method, self._base_url + path, json=body, headers=headers) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(f"{method} {path.partition('?')[0]}: {error!r}") from error
        decoded = _decoded(raw)
        if response.status >= 400:
            raise Refused(response.status, decoded if isinstance(decoded, dict) else {})
        return decoded

    async def tool(self, name: str, arguments: Mapping[str, Any], customer_id: str) -> dict[str, Any]:
        """A tool's answer, asked over `/mcp`. Raises Refused with the tool's own code, and as `call`."""
        message = {
            "jsonrpc": "2.0",
            "id": next(self._ids),
            "method": "tools/call",
            "params": {"name": name, "arguments": dict(arguments)},
        }
        headers = {
            "Usher-Customer": customer_id,
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-11-25",
        }
        answer = await self.call("POST", "/mcp", message, headers)
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise Refused(0, {"code": "protocol_error", "detail": str(answer)[:300]})
        if result.get("isError"):
            raise Refused(0, json.loads(result["content"][0]["text"]))
        found: dict[str, Any] = result["structuredContent"]
        return found

    async def decide(self, confirmation_id: str, decision: str, customer_id: str) -> dict[str, Any]:
        """Approve or reject; the answer has the shape of a chat's."""
        path = f"/confirmations/{confirmation_id}?customer_id={customer_id}"
        answer: dict[str, Any] = await self.call("POST", path, {"decision": decision})
        return answer

    async def act(self, action: str, arguments: Mapping[str, Any], customer_id: str) -> dict[str, Any]:
        """A protected action that the customer wants: proposed, approved, and its answer read."""
        try:
            return await self.tool(action, arguments, customer_id)
        except Refused as refusal:
            confirmation = refusal.body.get("confirmation")
            if refusal.code != "confirmation_required" or not isinstance(confirmation, dict):
                raise
        await self.decide(str(confirmation["id"]), "approve", customer_id)
        return await self.tool(action, arguments, customer_id)

    async def orders(self, customer_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.call("GET", f"/orders?customer_id={customer_id}&limit=100{cursor}")
            found += page["orders"]
            if not page.get("next_cursor"):
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def event(self, event_id: str, customer_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("GET", f"/events/{event_id}?customer_id={customer_id}")
        return found


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None

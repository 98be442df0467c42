"""A client of the public HTTP API, as an integrator would write one; the demo and the terminal chat use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson


class ApiError(Exception):
    """A problem document: `status`, `code`, `detail`."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.detail = str(problem.get("detail", ""))
        super().__init__(f"{status} {self.code}: {self.detail}")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    id: str
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data.get("type", ""))


class PublicApi:
    """`headers` carry the credential: {"X-API-Key": …} or {"Authorization": "Bearer …"}."""

    def __init__(self, base_url: str, headers: dict[str, str], *, timeout_seconds: float = 90.0) -> None:
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            headers=headers, timeout=aiohttp.ClientTimeout(total=timeout_seconds), json_serialize=_dumps
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The decoded answer. Raises ApiError for a problem, aiohttp.ClientError when nothing answers."""
        async with self._session.request(method, self._base_url + path, json=body, headers=headers) as response:
            raw = await response.read()
        if response.status >= 400:
            raise ApiError(response.status, _problem(raw))
        return orjson.loads(raw) if raw else None

    async def stream(self, path: str, body: Any) -> AsyncIterator[StreamEvent]:
        """Server-sent events of a POST. Raises ApiError before the first."""
        headers = {"Accept": "text/event-stream"}
        async with self._session.post(self._base_url + path, json=body, headers=headers) as response:
            if response.status >= 400:
                raise ApiError(response.status, _problem(await response.read()))
            async for event in _read_events(response.content):
                yield event


def _problem(body: bytes) -> dict[str, Any]:
    """The problem document; {} where something between us answered otherwise."""
    try:
        problem = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return problem if isinstance(problem, dict) else {}


async def _read_events(lines: aiohttp.StreamReader) -> AsyncIterator[StreamEvent]:
    id, data = "", ""
    async for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if not line:
            if data:
                yield StreamEvent(id, orjson.loads(data))
            data = ""
        elif line.startswith("id:"):
            id = line[3:].strip()
        elif line.startswith("data:"):
            data += line[5:].lstrip()


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()

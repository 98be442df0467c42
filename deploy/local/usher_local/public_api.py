"""The client of the public HTTP API that the demo and the terminal chat use: the examination's, and streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from usher_evals.wire import Api, NoAnswer, Refused


@dataclass(frozen=True, slots=True)
class StreamEvent:
    id: str
    data: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.data.get("type", ""))


class PublicApi(Api):
    """See Api."""

    async def stream(self, path: str, body: Any) -> AsyncIterator[StreamEvent]:
        """Server-sent events of a POST. Raises Refused before the first, NoAnswer when the connection breaks."""
        headers = {"Accept": "text/event-stream"}
        try:
            async with self._session.post(self._base_url + path, json=body, headers=headers) as response:
                if response.status >= 400:
                    raise Refused(response.status, _problem(await response.read()))
                async for event in _read_events(response.content):
                    yield event
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(f"POST {path}: {error!r}") from error


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

"""The predict route's wire, recorded: what clients of Vertex AI send, and what they are answered, to the letter.

`wire/vertex/*.json` are one conversation each: `source` says whose request it is, `pieces` what the engine gives.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.completions.model import Delta, Finished, Prompt, TextDelta, ToolCall, Usage
from usher_inference.completions.ports import Models
from usher_inference.settings import Settings
from usher_inference.vertex.app import VertexDeps, create_vertex_app
from usher_shared.clock import ManualClock
from usher_shared.errors import InvalidRequest
from usher_shared.ids import SequentialIds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROUTE = "/v1/endpoints/4711/deployedModels/12:predict"
RECORDED = sorted((Path(__file__).parent / "wire" / "vertex").glob("*.json"))


class Reciter:
    """Gives the pieces of the recording: `{"text"}`, `{"name", "arguments"}` or `{"refused"}`, by the last message."""

    model, version = "usher-qwen3", "2026-11-20"

    def __init__(self, pieces: dict[str, list[dict[str, Any]]]) -> None:
        self._pieces = pieces

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        called = False
        for piece in self._pieces[prompt.messages[-1].text()]:
            if "refused" in piece:
                raise InvalidRequest(piece["refused"], code="context_length_exceeded", extra={"param": "messages"})
            if "name" in piece:
                called = True
                yield ToolCall(piece["name"], piece["arguments"])
            else:
                yield TextDelta(piece["text"])
        yield Finished("tool_calls" if called else "stop", Usage(21, 8, 16))


@pytest.mark.parametrize("recorded", [pytest.param(json.loads(each.read_text()), id=each.stem) for each in RECORDED])
async def test_the_wire_is_as_recorded(recorded: dict[str, Any]) -> None:

    taken = asyncio.Event()

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        asyncio.get_running_loop().call_soon(taken.set)  # after this has been taken up
        yield FixedModels((Reciter(recorded["pieces"]),), NOW)

    deps = VertexDeps(load, lambda _: None, ManualClock(NOW), SequentialIds())
    app = create_vertex_app(Settings(), "/healthy", ROUTE, deps)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://container") as client,
    ):
        await taken.wait()
        answer = await client.post(ROUTE, json=recorded["request"])
    streamed = answer.headers["content-type"].startswith("text/event-stream")
    assert answer.status_code == recorded["status"]
    assert (answer.text.split("\n\n") if streamed else answer.json()) == recorded["answer"]


def test_there_are_recordings() -> None:
    assert len(RECORDED) >= 7

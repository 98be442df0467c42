"""A batch and Vertex AI's container on a real model: what is answered together is what is answered alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import tiny_qwen
from bare_releases import lay_out
from usher_inference.adapters.bare_release import BareRelease
from usher_inference.batch_job import run_batch
from usher_inference.batches.model import Progress
from usher_inference.batches.service import Batch
from usher_inference.completions.ports import Models
from usher_inference.metrics import Metrics
from usher_inference.one_release import one_release
from usher_inference.settings import Settings
from usher_inference.vertex.app import VertexDeps, create_vertex_app
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator

SETTINGS = Settings(engine_slots=4, engine_context_tokens=256, engine_threads=1)
WORDS = ["two", "tickets", "for", "the", "concert", "tonight", "please", "not", "too", "far", "up"]
SCHEMA = {"type": "object", "properties": {"seats": {"type": "integer"}}, "required": ["seats"]}
LINES: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": " ".join(WORDS[: 1 + n % len(WORDS)])}], "max_tokens": 3 + n % 9}
    for n in range(14)
] + [
    {"messages": [{"role": "user", "content": "tickets " * 400}]},  # longer than the context
    {
        "custom_id": "schema",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "tiny",
            "messages": [{"role": "user", "content": "how many?"}],
            "max_tokens": 40,
            "response_format": {"type": "json_schema", "json_schema": {"name": "seats", "schema": SCHEMA}},
        },
    },
]


@pytest.fixture
async def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    await lay_out(folder, tiny_qwen.onnx(), engine="onnx", version="tiny-1")
    return folder


def quiet(_: Progress) -> None: ...


def said(line: str) -> Any:
    """What of a line of output does not depend on when it was made."""
    found = json.loads(line)
    if "custom_id" in found:
        return found["response"]["body"]["choices"][0]["message"]
    return found.get("prediction", {}).get("response"), found.get("error")


async def test_lines_answered_together_are_as_those_answered_alone(release: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    outputs = []
    for concurrency in (1, 16):
        target = tmp_path / f"out{concurrency}.jsonl"
        ended = await run_batch(Batch(source, target, concurrency), BareRelease(str(release)), SETTINGS, quiet)
        assert (ended.done, ended.failed) == (len(LINES), 1)
        outputs.append([said(line) for line in target.read_text().splitlines()])
    assert outputs[0] == outputs[1]
    assert len({text for text, _ in outputs[0][:14]}) > 7  # they are not all alike
    assert "256" in outputs[0][14][1]["message"]
    assert "seats" in outputs[0][15]["content"]


async def test_the_container_serves_the_release(release: Path) -> None:
    clock, taken = SystemClock(), asyncio.Event()

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        async with one_release(BareRelease(str(release)), SETTINGS, Metrics(), clock) as models:
            asyncio.get_running_loop().call_soon(taken.set)  # after this has been taken up
            yield models

    deps = VertexDeps(load, lambda error: pytest.fail(str(error)), clock, UlidGenerator())
    app = create_vertex_app(SETTINGS, "/healthy", "/predict", deps)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://container") as client,
    ):
        await taken.wait()
        assert (await client.get("/healthy")).status_code == 200
        answer = await client.post("/predict", json={"instances": LINES[:6], "parameters": {"seed": 1}})
    predictions = answer.json()["predictions"]
    assert all(each["model_version"] == "tiny-1" and each["usage"]["completion_tokens"] > 0 for each in predictions)

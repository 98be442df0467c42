"""Clients that hang up, come in crowds or have no time, before a tiny Qwen3 that computes when the test lets it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

import tiny_qwen
from served import Served, free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
from usher_inference.app import Deps, create_app
from usher_inference.chat.engine import ChatEngine
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.generation.model import Token
from usher_inference.generation.ports import Row
from usher_inference.generation.service import Batcher
from usher_inference.metrics import Metrics
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
ASK = {"model": "tiny", "messages": [{"role": "user", "content": "two seats"}], "max_tokens": 200}


class GatedModel:
    """A BatchModel whose steps wait for `gate`; `step_begun` is set in the test's loop by each."""

    def __init__(self, model: OnnxBatchModel) -> None:
        self._model = model
        self._loop = asyncio.get_running_loop()
        self.slots, self.context_tokens = model.slots, model.context_tokens
        self.gate = threading.Event()
        self.step_begun = asyncio.Event()

    def step(self, rows: Sequence[Row]) -> Sequence[Token | None]:
        self._loop.call_soon_threadsafe(self.step_begun.set)
        self.gate.wait()
        return self._model.step(rows)

    def copy(self, source: int, target: int, length: int) -> None:
        self._model.copy(source, target, length)

    def close(self) -> None:
        self._model.close()


class House:
    """The served model, with one place and room for one more to wait."""

    def __init__(self, model: GatedModel, client: httpx.AsyncClient) -> None:
        self.model = model
        self.client = client

    def ask(self, stream: bool = False, **headers: str) -> asyncio.Task[httpx.Response]:
        asked = self.client.post("/v1/chat/completions", json={**ASK, "stream": stream}, headers=headers)
        return asyncio.create_task(asked)

    async def busy(self, stream: bool = False) -> asyncio.Task[httpx.Response]:
        """A request that the model computes, and will not finish before the gate opens."""
        asked = self.ask(stream)
        await self.model.step_begun.wait()
        return asked

    async def measured(self, name: str, **labels: str) -> float:
        """The sum of a measurement over all labels but those given."""
        operator = {"Authorization": f"Bearer {await LocalTokenSource('cli', SECRET).token('inference')}"}
        text = (await self.client.get("/metrics", headers=operator)).text
        lines = re.findall(rf"^usher_inference_{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(value) for found, value in lines if all(label in found for label in wanted))

    async def until(self, expected: float, name: str, **labels: str) -> None:
        async with asyncio.timeout(20):
            while await self.measured(name, **labels) != expected:  # noqa: ASYNC110  measurements tell nobody
                await asyncio.sleep(0.01)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    folder = tiny_qwen.onnx()
    metrics = Metrics()
    model = GatedModel(OnnxBatchModel(folder, slots=1, threads=1))
    batcher = Batcher(model, metrics.engine("tiny", "1"), most_waiting=1)
    tokenizer = Tokenizer((folder / "tokenizer.json").read_text("utf-8"))
    engine = ChatEngine("tiny", "1", batcher, tokenizer, ChatTemplate.from_folder(tiny_qwen.folder()))
    models = FixedModels((engine,), SystemClock().now())
    deps = Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator(), metrics)
    served = Served(lambda: create_app(Settings(), deps), free_port(), lifespan=False)
    await served.start()
    headers: dict[str, Any] = {"Authorization": f"Bearer {await LocalTokenSource('agent', SECRET).token('inference')}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30) as client:
        yield House(model, client)
    model.gate.set()
    await served.stop()
    await batcher.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_who_hangs_up_makes_room_at_once(house: House, stream: bool) -> None:
    gone = await house.busy(stream)
    waiting = house.ask()
    await house.until(1, "queue_length")
    gone.cancel()
    await house.until(1, "requests_in_flight")
    house.model.gate.set()
    usage = (await waiting).json()["usage"]
    await house.until(0, "cache_slots_used")
    assert await house.measured("answers_total", outcome="cancelled") == 1
    assert (
        await house.measured("tokens_total", kind="decode") <= usage["completion_tokens"] + 2
    )  # a step of its was under way


async def test_who_hangs_up_while_waiting_is_not_computed(house: House) -> None:
    computed = await house.busy()
    waiting = house.ask()
    await house.until(1, "queue_length")
    waiting.cancel()
    await house.until(0, "queue_length")
    house.model.gate.set()
    answer = (await computed).json()
    assert await house.measured("tokens_total", kind="prefill") == answer["usage"]["prompt_tokens"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_full_house_sends_the_next_away(house: House, stream: bool) -> None:
    inside = await house.busy()
    waiting = house.ask()
    await house.until(1, "queue_length")
    turned_away = await house.ask(stream)
    assert (turned_away.status_code, turned_away.json()["error"]["code"]) == (429, "overloaded")
    assert int(turned_away.headers["retry-after"]) >= 1
    house.model.gate.set()
    assert [(await inside).status_code, (await waiting).status_code] == [200, 200]


async def test_who_has_no_time_to_wait_is_told_so(house: House) -> None:
    inside = await house.busy()
    late = await house.ask(**{"Usher-Deadline": "0.05"})
    assert late.status_code == 504
    assert await house.measured("queue_length") == 0
    assert await house.measured("answers_total", outcome="deadline") == 1
    house.model.gate.set()
    assert (await inside).status_code == 200

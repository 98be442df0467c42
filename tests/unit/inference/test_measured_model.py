"""What is measured and traced of a model that really decodes, asked over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import aiohttp
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.unit.inference.test_metrics import read

import tiny_qwen
from served import Served, free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
from usher_inference.adapters.remote_openai_engine import OpenAIEngine
from usher_inference.app import Deps, create_app
from usher_inference.chat.engine import ChatEngine, stop_ids
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.completions.model import ChatRequest, Finished, TextDelta
from usher_inference.completions.prompts import read_prompt
from usher_inference.generation.grammars import Grammars
from usher_inference.generation.service import Batcher
from usher_inference.metrics import Metrics
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_shared.telemetry import configure_tracing, stop_tracing

SECRET = "a secret for tests that is long enough"
WHO = ("tiny", "default", "7")
YESES = {"type": "array", "items": {"type": "boolean"}, "minItems": 150}
LONG = {"type": "object", "properties": {"seats": YESES}, "required": ["seats"], "additionalProperties": False}


@dataclass
class Model:
    url: str
    session: aiohttp.ClientSession
    metrics: Metrics

    async def ask(self, *, stream: bool, pieces: int | None = None) -> None:
        body = {
            "model": "tiny",
            "messages": [{"role": "user", "content": "two seats for tonight please, not too far up"}],
            "max_tokens": 400 if pieces else 6,
            "response_format": {"type": "json_schema", "json_schema": {"name": "seats", "schema": LONG}},
            "stream": stream,
        }
        async with self.session.post(f"{self.url}/v1/chat/completions", json=body) as answer:
            assert answer.status == 200
            async for _ in answer.content:
                if pieces is not None:
                    pieces -= 1
                    if not pieces:
                        return  # and hang up


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_tracing("test", exporter)
    yield exporter
    stop_tracing()


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    folder, metrics = tiny_qwen.onnx(), Metrics()
    source = (folder / "tokenizer.json").read_text("utf-8")
    tokenizer, template = Tokenizer(source), ChatTemplate.from_folder(tiny_qwen.folder())
    grammars = Grammars(source, tiny_qwen.VOCABULARY, stop_ids(tokenizer, template))
    batcher = Batcher(OnnxBatchModel(folder, slots=2, threads=1), metrics.engine("tiny", "7"), grammars=grammars)
    engine = ChatEngine("tiny", "7", batcher, tokenizer, template)
    deps = Deps(
        FixedModels((engine,), SystemClock().now()),
        LocalTokenVerifier(SECRET),
        SystemClock(),
        UlidGenerator(),
        metrics,
    )
    served = Served(lambda: create_app(Settings(), deps), free_port())
    await served.start()
    headers = {"Authorization": f"Bearer {await LocalTokenSource('agent', SECRET).token('inference')}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Model(served.url, session, metrics)
    await served.stop()
    await batcher.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_is_one_trace_down_to_the_batcher(
    model: Model, exported: InMemorySpanExporter, stream: bool
) -> None:
    exported.clear()
    await model.ask(stream=stream)
    await model.ask(stream=stream)
    served = [each for each in await spans(exported, 10) if each.name == "POST /v1/chat/completions"]
    for request, reuses in zip(sorted(served, key=lambda each: each.start_time or 0), (False, True), strict=True):
        (chat,) = children(exported, request)
        assert chat.name == "chat tiny"
        told = dict(chat.attributes or {})
        assert told["gen_ai.usage.output_tokens"] == 6
        assert told["gen_ai.response.finish_reasons"] == ("length",)
        assert (told["gen_ai.usage.cache_read.input_tokens"] > 0) is reuses  # type: ignore[operator]
        stages = {each.name: each for each in children(exported, chat)}
        assert set(stages) == {"queue", "prefill", "decode"}
        assert dict(stages["decode"].attributes or {}) == {"usher.answer_tokens": 6}
        read_now = dict(stages["prefill"].attributes or {})["usher.prompt_tokens"]
        assert read_now == told["gen_ai.usage.input_tokens"] - told["gen_ai.usage.cache_read.input_tokens"]  # type: ignore[operator]


async def test_tokens_are_counted_where_they_are_made_and_where_they_are_asked_for(model: Model) -> None:
    before = read(model.metrics)  # the probe at the start
    await model.ask(stream=True)
    await model.ask(stream=False)
    after = read(model.metrics)
    assert after["requests_total", "tiny", "length", "default", "7"] == 2
    assert after["request_answer_tokens_sum", *WHO] == 12
    asked = after["request_prompt_tokens_sum", *WHO]
    made = {kind: after[key] - before[key] for kind in ("prefill", "decode", "reused") for key in [tokens(kind)]}
    assert made["decode"] == 12
    assert made["prefill"] + made["reused"] == asked
    assert made["reused"] > 0
    assert after["answers_total", "tiny", "length", "7"] == 3
    assert after["time_to_first_token_seconds_count", "tiny", "7"] == 3
    assert after["inter_token_seconds_count", "tiny", "7"] == 10


async def test_who_hangs_up_leaves_nothing_behind(model: Model) -> None:
    await model.ask(stream=True, pieces=3)
    left = ("answers_total", "tiny", "cancelled", "7")
    closed = ("requests_total", "tiny", "closed", "default", "7")
    await until(lambda: {left, closed} <= set(read(model.metrics)))
    samples = read(model.metrics)
    assert samples[left] == samples[closed] == 1
    assert samples["batch_requests", "tiny", "7"] == 0
    assert samples["requests_in_flight", *WHO] == 0
    assert samples["queue_length", "tiny", "7"] == 0


async def test_a_service_in_front_of_this_one_gives_its_answer_and_its_figures(model: Model) -> None:
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "two seats for tonight"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "seats", "schema": LONG}},
        "max_tokens": 9,
        "logprobs": True,
        "top_logprobs": 2,
        "temperature": 1,
        "seed": 5,
    }
    async with model.session.post(f"{model.url}/v1/chat/completions", json=body) as answer:
        (choice,) = (direct := await answer.json())["choices"]
    key = model.session.headers["Authorization"].removeprefix("Bearer ")
    front = OpenAIEngine("front", f"{model.url}/v1", "tiny", api_key=key)
    asked = read_prompt(ChatRequest.model_validate(body), max_messages=10)
    *said, last = [piece async for piece in front.generate(asked)]
    await front.close()
    texts = [piece for piece in said if isinstance(piece, TextDelta)]
    assert "".join(piece.text for piece in texts) == choice["message"]["content"]
    chances = [(chance.text, chance.logprob, len(chance.top)) for piece in texts for chance in piece.chances]
    assert chances == [(each["token"], each["logprob"], 2) for each in choice["logprobs"]["content"]]
    assert isinstance(last, Finished)
    assert last.reason == choice["finish_reason"] == "length"
    assert last.usage.prompt_tokens == direct["usage"]["prompt_tokens"]
    assert last.usage.completion_tokens == direct["usage"]["completion_tokens"] == 9


async def until(comes: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not comes():  # noqa: ASYNC110  told by nobody: the server notices a moment after its client has gone
            await asyncio.sleep(0.005)


def tokens(kind: str) -> tuple[str, ...]:
    return ("tokens_total", kind, "tiny", "7")


async def spans(exporter: InMemorySpanExporter, count: int) -> tuple[ReadableSpan, ...]:
    """All of them, once there are so many: a server's span ends after its answer has arrived."""
    await until(lambda: len(exporter.get_finished_spans()) >= count)
    return exporter.get_finished_spans()


def children(exporter: InMemorySpanExporter, parent: ReadableSpan) -> list[ReadableSpan]:
    id = parent.get_span_context().span_id  # type: ignore[union-attr]
    return [each for each in exporter.get_finished_spans() if each.parent is not None and each.parent.span_id == id]

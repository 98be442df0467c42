"""What is measured and traced of answers, however they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.unit.inference.scripted_engine import ANSWER, ScriptedEngine, ScriptedModels
from tests.unit.inference.test_metrics import read

from usher_inference.completions.model import (
    Delta,
    Finished,
    JsonSchema,
    Message,
    Prompt,
    SamplingWishes,
    TextDelta,
    Usage,
)
from usher_inference.completions.ports import Engine
from usher_inference.metrics import Metrics
from usher_inference.monitoring.answers import ObservedModels
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UpstreamTimeout
from usher_shared.telemetry import configure_tracing, current_traceparent, span, stop_tracing, use_context
from usher_shared.telemetry.context import context_from_headers

PROMPT = Prompt(messages=(Message(role="user", content="a secret wish"),))


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_tracing("test", exporter)
    yield exporter
    stop_tracing()


class Observed:
    """One scripted engine as the API sees it."""

    def __init__(self, engine: ScriptedEngine, variant: str = "stable") -> None:
        self.metrics = Metrics()
        self.heard: list[Engine] = []
        self._models = ObservedModels(ScriptedModels(engine, variant=variant), self.metrics, self.heard.append)

    async def ask(self, prompt: Prompt = PROMPT, pieces: int | None = None) -> list[Delta]:
        """The whole answer, or its first pieces."""
        got: list[Delta] = []
        with self._models.lease("scripted", "CONV_1") as served:
            answer = served.engine.generate(prompt)
            async with aclosing(answer) as open_answer:  # type: ignore[type-var]  # the port names no aclose
                async for piece in open_answer:
                    got.append(piece)
                    if len(got) == pieces:
                        break
        return got

    def outcomes(self) -> dict[str, float]:
        return {key[2]: value for key, value in read(self.metrics).items() if key[0] == "requests_total"}

    def in_flight(self) -> float:
        return read(self.metrics)["requests_in_flight", "scripted", "stable", "1"]


async def test_an_answer_passes_as_it_is_and_is_counted() -> None:
    engine = ScriptedEngine()
    observed = Observed(engine)
    assert tuple(await observed.ask()) == ANSWER
    assert engine.prompts == [PROMPT]
    assert observed.outcomes() == {"stop": 1}
    samples = read(observed.metrics)
    who = ("scripted", "stable", "1")
    assert samples["request_prompt_tokens_sum", *who] == 7
    assert samples["request_answer_tokens_sum", *who] == 2
    assert samples["time_to_first_piece_seconds_count", *who] == 1
    assert samples["request_seconds_count", *who] == 1
    assert samples["requests_in_flight", *who] == 0
    assert observed.heard == [engine]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InvalidRequest("too long"), "refused"),
        (RateLimited("too many"), "refused"),
        (UpstreamTimeout("late"), "deadline"),
        (Unavailable("broken"), "failed"),
        (ZeroDivisionError(), "failed"),
    ],
)
@pytest.mark.parametrize("before", [(), ANSWER[:1]])
async def test_an_error_passes_and_is_counted_by_its_kind(
    error: Exception, outcome: str, before: tuple[Delta, ...], exported: InMemorySpanExporter
) -> None:
    observed = Observed(ScriptedEngine((*before, error)))
    with use_context(context_from_headers(None, None)), pytest.raises(type(error)):
        await observed.ask()
    assert observed.outcomes() == {outcome: 1}
    assert observed.in_flight() == 0
    (told,) = exported.get_finished_spans()
    assert attributes(told)["error.type"] == type(error).__name__


async def test_a_reader_that_leaves_closes_the_engine_at_once() -> None:
    engine = ScriptedEngine()
    observed = Observed(engine)
    await observed.ask(pieces=1)
    assert engine.closed == 1
    assert observed.outcomes() == {"closed": 1}
    assert observed.in_flight() == 0


async def test_a_cancelled_request_closes_the_engine_at_once() -> None:
    engine = ScriptedEngine(pieces_before_go=1)
    observed = Observed(engine)
    asking = asyncio.create_task(observed.ask())
    await engine.waits.wait()
    assert observed.in_flight() == 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert engine.closed == 1
    assert observed.outcomes() == {"closed": 1}
    assert observed.in_flight() == 0


async def test_variants_are_told_apart() -> None:
    observed = Observed(ScriptedEngine(), variant="canary")
    await observed.ask()
    assert read(observed.metrics)["requests_total", "scripted", "stop", "canary", "1"] == 1


async def test_a_span_tells_what_was_asked_for_and_used_and_nothing_that_was_said(
    exported: InMemorySpanExporter,
) -> None:
    engine = ScriptedEngine((TextDelta("a secret answer"), Finished("length", Usage(7, 2, 5))))
    prompt = Prompt(
        messages=PROMPT.messages,
        json=JsonSchema(name="n"),
        max_tokens=9,
        sampling=SamplingWishes(temperature=0.5, seed=0),
    )
    with use_context(context_from_headers(None, None)):
        await Observed(engine, "canary").ask(prompt)
    (chat,) = exported.get_finished_spans()
    told = attributes(chat)
    assert 0 < told.pop("gen_ai.response.time_to_first_chunk") < 60  # type: ignore[operator]
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "usher",
        "gen_ai.request.model": "scripted",
        "gen_ai.response.model": "scripted",
        "gen_ai.output.type": "json",
        "gen_ai.conversation.id": "CONV_1",
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 0,
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "usher.model.version": "1",
        "usher.model.variant": "canary",
        "usher.request.messages": 1,
        "usher.request.tools": 0,
    }
    assert chat.name == "chat scripted"
    assert "secret" not in chat.to_json()


async def test_what_an_engine_begins_belongs_to_the_answer(exported: InMemorySpanExporter) -> None:
    class Calling(ScriptedEngine):
        async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
            with span("POST elsewhere"):
                pass
            async for piece in super().generate(prompt):
                yield piece

    with use_context(context_from_headers(None, None)):
        before = current_traceparent()
        await Observed(Calling()).ask()
        assert current_traceparent() == before
    inner, chat = exported.get_finished_spans()
    assert (inner.name, chat.name) == ("POST elsewhere", "chat scripted")
    assert inner.parent is not None
    assert inner.parent.span_id == chat.get_span_context().span_id  # type: ignore[union-attr]


def attributes(found: ReadableSpan) -> dict[str, object]:
    return dict(found.attributes or {})

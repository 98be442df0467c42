"""Where a request's time went in the batcher, as spans of its own trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.unit.inference.test_batcher import Arithmetic, answer, ask, batching

from usher_shared.errors import RateLimited, UpstreamTimeout
from usher_shared.telemetry import configure_tracing, span, stop_tracing, use_context
from usher_shared.telemetry.context import context_from_headers


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_tracing("test", exporter)
    yield exporter
    stop_tracing()


def stages(exporter: InMemorySpanExporter) -> Mapping[str, ReadableSpan]:
    """The spans below `chat`, whose children they all are."""
    spans = {found.name: found for found in exporter.get_finished_spans()}
    chat = spans.pop("chat").get_span_context()
    assert chat is not None
    assert all(found.parent is not None and found.parent.span_id == chat.span_id for found in spans.values())
    return spans


async def test_the_stages_follow_each_other_without_a_gap(exported: InMemorySpanExporter) -> None:
    with use_context(context_from_headers(None, None)):
        async with batching(Arithmetic()) as batcher:
            await answer(batcher, ask([5, 6, 7, 8], 1))
            exported.clear()
            with span("chat"):
                said = await answer(batcher, ask([5, 6, 7, 9, 11], 6))
    spans = stages(exported)
    assert set(spans) == {"queue", "prefill", "decode"}
    assert dict(spans["prefill"].attributes or {}) == {"usher.prompt_tokens": 2, "usher.cached_tokens": 3}
    assert dict(spans["decode"].attributes or {}) == {"usher.answer_tokens": len(said)}
    for before, after in (("queue", "prefill"), ("prefill", "decode")):
        gap = (spans[after].start_time or 0) - (spans[before].end_time or 0)
        assert abs(gap) < 1e6  # nanoseconds: two readings of two clocks lie between


async def test_who_leaves_the_queue_has_only_waited(exported: InMemorySpanExporter) -> None:
    model = Arithmetic(slots=1)
    model.gate.clear()
    with use_context(context_from_headers(None, None)):
        async with batching(model) as batcher:
            first = asyncio.create_task(answer(batcher, ask([1, 2], 2)))
            await asyncio.to_thread(model.begun.acquire)
            with span("chat"), pytest.raises(UpstreamTimeout):
                await answer(batcher, ask([3, 4], 2, deadline=0.01))
            assert set(stages(exported)) == {"queue"}
            model.gate.set()
            await first


async def test_who_is_refused_has_no_stages(exported: InMemorySpanExporter) -> None:
    model = Arithmetic(slots=1)
    model.gate.clear()
    async with batching(model, most_waiting=0) as batcher:
        first = asyncio.create_task(answer(batcher, ask([1, 2], 2)))
        await asyncio.to_thread(model.begun.acquire)
        with use_context(context_from_headers(None, None)), span("chat"), pytest.raises(RateLimited):
            await answer(batcher, ask([3, 4], 2))
        assert not stages(exported)
        model.gate.set()
        await first

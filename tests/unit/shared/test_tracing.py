"""Traces across calls and events, when spans are exported and when they are not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from usher_shared.bus import encode_push
from usher_shared.events import Event
from usher_shared.events.catalogue import FeedbackReceived
from usher_shared.events.envelope import event
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource
from usher_shared.telemetry import (
    RequestContext,
    begin_span,
    configure_tracing,
    current,
    current_traceparent,
    span,
    stop_tracing,
    use_context,
)
from usher_shared.telemetry.context import context_from_headers
from usher_shared.telemetry.tracing import SpanKind

SECRET = "a secret for tests that is long enough"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_tracing("test", exporter)
    yield exporter
    stop_tracing()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {found.name: found for found in exporter.get_finished_spans()}


def parent_of(found: ReadableSpan) -> int | None:
    return found.parent.span_id if found.parent else None


def id_of(found: ReadableSpan) -> int:
    return found.get_span_context().span_id


async def push(url: str, sent: Event) -> int:
    body = encode_push(
        sent.to_json(), sent.attributes(), message_id="1", publish_time="2026-11-20T12:00:00Z", subscription="s"
    )
    headers = {"Authorization": f"Bearer {await LocalTokenSource('bus', SECRET).token('tools')}"}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/push", json=body, headers=headers) as response:
        return response.status


def feedback(traceparent: str | None) -> Event:
    return event(
        id="EVT_1",
        type="usher.feedback_received.v1",
        source="usher/gateway",
        time=datetime(2026, 11, 20, tzinfo=UTC),
        data=FeedbackReceived(conversation_id="c", message_id="m", customer_id="u", rating=1),
        traceparent=traceparent,
    )


async def test_a_call_and_its_service_share_one_trace(exported: InMemorySpanExporter, agent: ServiceClient) -> None:
    with use_context(context_from_headers("req-1", None)), span("turn"):
        answer = await agent.call("GET", "/whoami")
    spans = by_name(exported)
    turn, client, server = spans["turn"], spans["GET tools/whoami"], spans["GET /whoami"]
    assert parent_of(turn) is None
    assert parent_of(client) == id_of(turn)
    assert parent_of(server) == id_of(client)
    assert len({found.get_span_context().trace_id for found in (turn, client, server)}) == 1
    assert answer["request_id"] == "req-1"
    assert answer["traceparent"].split("-")[2] == f"{id_of(server):016x}"


async def test_a_request_from_outside_begins_a_trace_that_its_answer_names(
    exported: InMemorySpanExporter, anyone: aiohttp.ClientSession
) -> None:
    async with anyone.get("/health") as response:
        told = response.headers["traceparent"]
    server = by_name(exported)["GET /health"]
    assert parent_of(server) is None
    assert told.startswith(f"00-{server.get_span_context().trace_id:032x}-{id_of(server):016x}-")


async def test_a_trace_from_outside_is_continued(exported: InMemorySpanExporter, anyone: aiohttp.ClientSession) -> None:
    async with anyone.get("/health", headers={"traceparent": TRACEPARENT}):
        pass
    server = by_name(exported)["GET /health"]
    assert f"{server.get_span_context().trace_id:032x}" == TRACEPARENT[3:35]
    assert f"{parent_of(server):016x}" == TRACEPARENT[36:52]


async def test_an_event_is_processed_in_the_trace_that_sent_it(exported: InMemorySpanExporter, echo: Any) -> None:
    with use_context(context_from_headers(None, None)), span("purchase"):
        sent = feedback(current_traceparent())
    assert await push(echo.server.url, sent) == 204
    spans = by_name(exported)
    consumer = spans["process usher.feedback_received.v1"]
    assert parent_of(consumer) == id_of(spans["purchase"])
    assert consumer.attributes is not None
    assert consumer.attributes["event_id"] == "EVT_1"
    ((received, traceparent),) = echo.events
    assert received == sent
    assert traceparent.split("-")[2] == f"{id_of(consumer):016x}"


async def test_spans_side_by_side_do_not_mix(exported: InMemorySpanExporter) -> None:
    gate = asyncio.Event()

    async def branch(name: str) -> None:
        with span(name):
            await gate.wait()
            with span(f"{name} inner"):
                await asyncio.sleep(0)

    with use_context(context_from_headers(None, None)) as context, span("outer"):
        outer = current_traceparent()
        tasks = [asyncio.create_task(branch(name)) for name in ("a", "b", "c")]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*tasks)
        assert current_traceparent() == outer
    assert current() is None
    assert context.begins_trace
    spans = by_name(exported)
    for name in ("a", "b", "c"):
        assert parent_of(spans[name]) == id_of(spans["outer"])
        assert parent_of(spans[f"{name} inner"]) == id_of(spans[name])


def test_what_is_learned_inside_a_span_is_known_outside(exported: InMemorySpanExporter) -> None:
    with use_context(context_from_headers(None, None)) as context:
        with span("turn"):
            inner = current()
            assert inner is not None
            inner.conversation_id = "conv_1"
        assert context.conversation_id == "conv_1"


async def test_switched_off_ids_pass_through_and_nothing_is_recorded(agent: ServiceClient, echo: Any) -> None:
    exporter = InMemorySpanExporter()
    configure_tracing("test", exporter)
    stop_tracing()
    configure_tracing("test", "none")
    with use_context(RequestContext("req-1", TRACEPARENT)), span("turn"):
        assert current_traceparent() == TRACEPARENT
        answer = await agent.call("GET", "/whoami")
    assert answer["traceparent"] == TRACEPARENT
    assert await push(echo.server.url, feedback(TRACEPARENT)) == 204
    assert echo.events[0][1] == TRACEPARENT
    assert await push(echo.server.url, feedback("not a traceparent")) == 204
    assert exporter.get_finished_spans() == ()


def test_without_a_request_there_is_no_span(exported: InMemorySpanExporter) -> None:
    with span("stray"):
        assert current_traceparent() is None
    assert exported.get_finished_spans() == ()


async def test_a_span_ended_by_hand_holds_what_was_called_inside(exported: InMemorySpanExporter) -> None:
    now = time.monotonic()
    with use_context(context_from_headers(None, TRACEPARENT)):
        outer = begin_span("chat", SpanKind.INTERNAL, {"gen_ai.request.model": "m"}, began=now - 3)
        with outer.inside():
            inside = current()
        begin_span("queue", began=now - 2, within=inside).end(at=now - 1)
        outer.end({"gen_ai.response.finish_reasons": ["stop"]}, error="timeout", at=now)
    spans = by_name(exported)
    chat, queue = spans["chat"], spans["queue"]
    assert f"{parent_of(chat):016x}" == TRACEPARENT[36:52]
    assert parent_of(queue) == id_of(chat)
    assert dict(chat.attributes or {}) == {
        "gen_ai.request.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "error.type": "timeout",
    }
    assert not chat.status.is_ok
    lasted = [(found.end_time or 0) - (found.start_time or 0) for found in (chat, queue)]
    assert lasted == pytest.approx([3e9, 1e9], rel=0.01)
    assert (queue.start_time or 0) - (chat.start_time or 0) == pytest.approx(1e9, rel=0.01)


async def test_without_an_exporter_a_span_ended_by_hand_changes_nothing() -> None:
    with use_context(context_from_headers(None, TRACEPARENT)):
        before = current_traceparent()
        with begin_span("chat").inside():
            assert current_traceparent() == before
        begin_span("chat").end({"a": 1}, error="timeout")

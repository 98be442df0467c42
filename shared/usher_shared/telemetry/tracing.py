"""OpenTelemetry traces across HTTP and events; off unless configured, and then nearly free.

Propagation (W3C traceparent) works with tracing off too: the ids in the request context pass through.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from usher_shared.telemetry.context import RequestContext, current, follow_trace

if TYPE_CHECKING:  # the SDK is an optional extra
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_PROPAGATOR = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_tracer: trace.Tracer | None = None

Exporter = Literal["none", "console", "otlp"]
SpanKind = trace.SpanKind
Attributes = Mapping[str, str | int | float | bool | Sequence[str]]


def configure_tracing(service: str, exporter: Exporter | SpanExporter) -> None:
    """Start exporting spans. `otlp` obeys the standard OTEL_EXPORTER_OTLP_* variables. Needs the extra `otel`.

    An exporter of the caller's own gets each span as it ends.
    """
    global _provider, _tracer  # noqa: PLW0603  one tracer per process, as OpenTelemetry has one provider per process
    if exporter == "none":
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor

    stop_tracing()
    provider = TracerProvider(resource=Resource.create({"service.name": f"usher-{service}"}))
    if exporter == "console":
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    elif exporter == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _provider = provider
    _tracer = provider.get_tracer("usher")


def stop_tracing() -> None:
    """Export what is left and go back to off."""
    global _provider, _tracer  # noqa: PLW0603  see configure_tracing
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


def is_tracing() -> bool:
    """Whether spans go anywhere, so that what they would tell is worth collecting."""
    return _tracer is not None


def current_traceparent() -> str | None:
    context = current()
    return context.traceparent if context else None


class OpenSpan:
    """A span that its owner ends: for work whose parts run in different tasks, or that is told of afterwards."""

    def __init__(self, live: trace.Span | None) -> None:
        self._live = live

    def inside(self) -> AbstractContextManager[None]:
        """Within the block, what is called or begun belongs to this span."""
        return nullcontext() if self._live is None else follow_trace(_traceparent(self._live))

    def end(self, attributes: Attributes | None = None, *, error: str = "", at: float | None = None) -> None:
        """`error` names the kind of failure; `at` is a time of `time.monotonic`, now by default."""
        if self._live is None:
            return
        self._live.set_attributes({**(attributes or {})})
        if error:
            self._live.set_attribute("error.type", error)
            self._live.set_status(trace.StatusCode.ERROR)
        self._live.end(_epoch_ns(at))


def begin_span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    *,
    began: float | None = None,
    within: RequestContext | None = None,
) -> OpenSpan:
    """A child of the span `within` (of the current one by default) that lasts until its `end`.

    `began` is a time of `time.monotonic`, now by default.
    """
    context = within or current()
    if _tracer is None or context is None:
        return OpenSpan(None)
    return OpenSpan(
        _tracer.start_span(
            name, context=_parent(context), kind=kind, attributes={**(attributes or {})}, start_time=_epoch_ns(began)
        )
    )


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int | float | bool) -> Iterator[None]:
    """A span around a block, child of the request's trace; calls and events inside become its children."""
    context = current()
    if _tracer is None or context is None:
        yield
        return
    with (
        _tracer.start_as_current_span(name, context=_parent(context), kind=kind, attributes=attributes) as live,
        follow_trace(_traceparent(live)),  # tasks of one request run side by side: each has its own
    ):
        yield


def _parent(context: RequestContext) -> Context:
    return _PROPAGATOR.extract({} if context.begins_trace else {"traceparent": context.traceparent}, Context())


def _traceparent(live: trace.Span) -> str:
    ids = live.get_span_context()
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags):02x}"


def _epoch_ns(at: float | None) -> int:
    return time.time_ns() - (0 if at is None else int((time.monotonic() - at) * 1e9))

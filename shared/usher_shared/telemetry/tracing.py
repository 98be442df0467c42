"""OpenTelemetry traces across HTTP and events; off unless configured, and then nearly free.

Propagation (W3C traceparent) works with tracing off too: the ids in the request context pass through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from usher_shared.telemetry.context import current, follow_trace

if TYPE_CHECKING:  # the SDK is an optional extra
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_PROPAGATOR = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_tracer: trace.Tracer | None = None

Exporter = Literal["none", "console", "otlp"]
SpanKind = trace.SpanKind


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


def current_traceparent() -> str | None:
    context = current()
    return context.traceparent if context else None


@contextmanager
def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int | float | bool) -> Iterator[None]:
    """A span around a block, child of the request's trace; calls and events inside become its children."""
    context = current()
    if _tracer is None or context is None:
        yield
        return
    carrier = {} if context.begins_trace else {"traceparent": context.traceparent}
    parent = _PROPAGATOR.extract(carrier, Context())
    with _tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as live:
        ids = live.get_span_context()
        traceparent = f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags):02x}"
        # tasks of one request run side by side: each has its span in its own context
        with follow_trace(traceparent):
            yield

"""Logs and traces: what a request is called while it crosses the house."""

from usher_shared.telemetry.context import RequestContext, current, follow_trace, use_context
from usher_shared.telemetry.logs import configure_logging
from usher_shared.telemetry.tracing import begin_span, configure_tracing, current_traceparent, span, stop_tracing

__all__ = [
    "RequestContext",
    "begin_span",
    "configure_logging",
    "configure_tracing",
    "current",
    "current_traceparent",
    "follow_trace",
    "span",
    "stop_tracing",
    "use_context",
]

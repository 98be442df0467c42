"""Structured logs: one JSON object a line on standard error, with the ids of the request in hand.

Severity, time, message and trace stand where Cloud Logging looks for them
(https://cloud.google.com/logging/docs/structured-logging).
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

from usher_shared.telemetry.context import current

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Extra fields given as `logger.info("...", extra={"order_id": ...})` become members of the object."""

    def __init__(self, service: str, project: str | None = None) -> None:
        super().__init__()
        self._service = service
        self._trace_prefix = None if project is None else f"projects/{project}/traces/"

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = current()
        if context is not None:
            line["request_id"] = context.request_id
            line["trace_id"] = context.trace_id
            if self._trace_prefix is not None:
                line["logging.googleapis.com/trace"] = self._trace_prefix + context.trace_id
                line["logging.googleapis.com/spanId"] = context.span_id
                line["logging.googleapis.com/trace_sampled"] = context.sampled
            if context.conversation_id:
                line["conversation_id"] = context.conversation_id
        for key, value in vars(record).items():
            if key not in _STANDARD:
                line[key] = value
        if record.exc_info:
            line["stack_trace"] = self.formatException(record.exc_info)  # Error Reporting groups by it
        return orjson.dumps(line, default=str).decode()


def configure_logging(service: str, level: str = "INFO", *, project: str | None = None) -> None:
    """Send every logger's records to standard error as JSON; uvicorn's access log is off, ours replaces it.

    `project` is the Google Cloud project whose traces the lines belong to.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service, project))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel("WARNING")

"""The ids that every log line, outgoing call and event of a request carries."""

from __future__ import annotations

import contextvars
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(slots=True)
class RequestContext:
    """`traceparent` is W3C Trace Context, always valid; `conversation_id` is set once it is known.

    `begins_trace`: nobody before us is part of the trace, so that its first span has no parent.
    """

    request_id: str
    traceparent: str
    conversation_id: str | None = None
    begins_trace: bool = False

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        return self.traceparent[36:52]

    @property
    def sampled(self) -> bool:
        return bool(int(self.traceparent[53:55], 16) & 1)


_CURRENT: contextvars.ContextVar[RequestContext | None] = contextvars.ContextVar("usher_request", default=None)


def new_traceparent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def context_from_headers(request_id: str | None, traceparent: str | None) -> RequestContext:
    """The caller's ids where they are well-formed, fresh ones where not."""
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(12)
    if traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        return RequestContext(request_id, new_traceparent(), begins_trace=True)
    return RequestContext(request_id, traceparent)


def current() -> RequestContext | None:
    return _CURRENT.get()


@contextmanager
def follow_trace(traceparent: str | None) -> Iterator[None]:
    """Inside the block the request belongs to that trace, such as an event's; an invalid one changes nothing."""
    context = current()
    if context is None or traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        yield
        return
    inner = replace(context, traceparent=traceparent, begins_trace=False)
    try:
        with use_context(inner):
            yield
    finally:
        context.conversation_id = inner.conversation_id


@contextmanager
def use_context(context: RequestContext) -> Iterator[RequestContext]:
    token = _CURRENT.set(context)
    try:
        yield context
    finally:
        _CURRENT.reset(token)

"""The stages of a request in the batcher as spans, told when it has left; nothing in them of what was said."""

from __future__ import annotations

import time

from usher_inference.generation.job import Job
from usher_shared.telemetry import RequestContext, begin_span


def record_stages(job: Job, within: RequestContext | None) -> None:
    """`queue`, `prefill` and `decode`, children of `within`, as far as the request came. Its reader is leaving now."""
    now = time.monotonic()
    admitted, first = job.admitted_at, job.first_token_at
    begin_span("queue", began=job.queued_at, within=within).end(at=admitted or now)
    if admitted:
        read = {"usher.prompt_tokens": len(job.request.prompt) - job.reused, "usher.cached_tokens": job.reused}
        begin_span("prefill", began=admitted, within=within).end(read, at=first or now)
    if first:
        begin_span("decode", began=first, within=within).end({"usher.answer_tokens": len(job.answer)}, at=job.token_at)

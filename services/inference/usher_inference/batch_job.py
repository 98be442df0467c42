"""A batch on a release of its own, loaded in this process. A part of the composition roots."""

from __future__ import annotations

from usher_inference.batches.answering import PredictedAnswers
from usher_inference.batches.model import Progress
from usher_inference.batches.service import Batch, Clerk, Report, run
from usher_inference.metrics import Metrics
from usher_inference.one_release import ReleaseSource, one_release
from usher_inference.settings import Settings
from usher_inference.vertex.limits import Limits
from usher_inference.vertex.service import Predictor
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator


async def run_batch(batch: Batch, release: ReleaseSource | None, settings: Settings, report: Report) -> Progress:
    """By the playbook for None. Raises what `run` and `one_release` do."""
    clock, ids = SystemClock(), UlidGenerator()
    async with one_release(release, settings, Metrics(), clock) as models:
        limits = Limits(max_messages=settings.max_messages, deadline_seconds=settings.max_deadline_seconds)
        predictor = Predictor(models, clock, ids, limits)
        return await run(batch, Clerk(PredictedAnswers(predictor), ids), report)

"""A batch on a release of its own, loaded in this process. A part of the composition roots."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

from usher_inference.batches.answering import PredictedAnswers
from usher_inference.batches.model import Progress
from usher_inference.batches.remote import Place, RemoteBatch, run_remote
from usher_inference.batches.service import Batch, Clerk, Report, run
from usher_inference.metrics import Metrics
from usher_inference.one_release import ReleaseSource, one_release
from usher_inference.settings import Settings
from usher_inference.vertex.limits import Limits
from usher_inference.vertex.service import Predictor
from usher_shared.clock import SystemClock
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UsherError
from usher_shared.ids import UlidGenerator

GO_ON = "the same command goes on from here"


async def run_batch(
    batch: Batch | RemoteBatch, release: ReleaseSource | None, settings: Settings, report: Report
) -> Progress:
    """By the playbook for None; SIGINT and SIGTERM cancel it. Raises what `run`, `run_remote` and `one_release` do."""
    _cancel_on_signals()
    clock, ids = SystemClock(), UlidGenerator()
    async with one_release(release, settings, Metrics(), clock) as models:
        limits = Limits(max_messages=settings.max_messages, deadline_seconds=settings.max_deadline_seconds)
        predictor = Predictor(models, clock, ids, limits)
        clerk = Clerk(PredictedAnswers(predictor), ids)
        if isinstance(batch, RemoteBatch):
            return await run_remote(batch, clerk, report)
        return await run(batch, clerk, report)


def why_stopped(error: UsherError) -> str:
    """What ended a batch, and whether it can go on."""
    return f"{error.detail}; {GO_ON}" if isinstance(error, RateLimited | Unavailable) else error.detail


def _cancel_on_signals() -> None:
    """SIGINT too, by itself: what a script starts in the background inherits it ignored."""
    task = asyncio.current_task()
    if task is not None and threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def batch_between(source: str, target: str, concurrency: int) -> Batch | RemoteBatch:
    """A batch between two files, or between two objects `gs://bucket/name`. Raises InvalidRequest for one of each."""
    places = [_object(each) for each in (source, target)]
    if places[0] is not None and places[1] is not None:
        return RemoteBatch(places[0], places[1], concurrency)
    if places != [None, None]:
        raise InvalidRequest("either both files are in buckets (gs://bucket/name) or none is", code="batch_places")
    return Batch(Path(source), Path(target), concurrency)


def _object(address: str) -> Place | None:
    parts = urlsplit(address)
    if parts.scheme != "gs":
        return None
    from usher_shared.artifacts.gcs import GcsArtifactStore  # google-cloud-storage, for those who have a bucket

    return Place(GcsArtifactStore(parts.netloc), unquote(parts.path).lstrip("/"))

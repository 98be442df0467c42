"""A batch by itself: `python -m usher_inference.batches IN OUT [--release ADDRESS]`.

It can be stopped at any time, also by `kill -9`: the same command goes on. Progress goes to the log, the end to
standard output as one JSON line. Exit code 0: every line has its answer, some perhaps an error; 1: it stopped before,
or every line is an error.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import logging
import os
import sys
import time

import orjson

from usher_inference.adapters.bare_release import BareRelease
from usher_inference.batch_job import GO_ON, batch_between, run_batch, why_stopped
from usher_inference.batches.model import Progress
from usher_inference.batches.service import Report
from usher_inference.settings import Settings
from usher_shared.errors import UsherError
from usher_shared.telemetry import configure_logging

_LOG = logging.getLogger("usher.batch")
_TELL_SECONDS = 10.0


def main() -> None:
    settings = Settings()
    parser = argparse.ArgumentParser(prog="python -m usher_inference.batches", description="Answer a file of requests.")
    parser.add_argument("source", metavar="IN", help="JSON lines, OpenAI's or Vertex AI's: a file, or gs://bucket/name")
    parser.add_argument("target", metavar="OUT", help="where the answers go, in the same order: a file, or gs://…")
    parser.add_argument("--release", default="", help="gs://bucket/folder or a folder; default: the playbook")
    parser.add_argument(
        "--concurrency", type=int, default=2 * settings.engine_slots, help="lines at once (%(default)s)"
    )
    asked = parser.parse_args()
    if asked.concurrency < 1:
        parser.error("--concurrency has to be at least 1")
    try:
        batch = batch_between(asked.source, asked.target, asked.concurrency)
        source = BareRelease(asked.release) if asked.release else None
        ended = asyncio.run(run_batch(batch, source, settings, _tell_now_and_then()))
    except UsherError as error:
        sys.exit(why_stopped(error))
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit(f"stopped; {GO_ON}")
    sys.stdout.write(orjson.dumps(dataclasses.asdict(ended)).decode() + "\n")
    if ended.all_failed:
        sys.exit(f"every line failed: {asked.target} says why")


def _tell_now_and_then() -> Report:
    told = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _TELL_SECONDS or progress.done == progress.total:
            told = time.monotonic()
            _LOG.info("batch", extra=dataclasses.asdict(progress))

    return tell


if __name__ == "__main__":
    configure_logging("inference", os.environ.get("USHER_LOG_LEVEL", "INFO"))
    main()

"""The training trigger on Google Cloud: `python -m usher_trainer_job`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator
from usher_trainer_job.app import Deps, create_app
from usher_trainer_job.settings import Settings


def build(cloud: Cloud) -> FastAPI:
    return create_app(Settings(), Deps(cloud.store("trainer-job"), SystemClock(), UlidGenerator(), cloud.verifier))


if __name__ == "__main__":
    main("trainer-job", build)

"""The models on Google Cloud: `python -m usher_inference`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import VERSION, Deps, create_app
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    clock = SystemClock()
    models = FixedModels((PlaybookEngine(VERSION),), clock.now())
    return create_app(Settings(), Deps(models, cloud.verifier, clock, UlidGenerator()))


if __name__ == "__main__":
    main("inference", build)

"""The models on Google Cloud: `python -m usher_inference`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fastapi import FastAPI

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import VERSION, Deps, create_app
from usher_inference.embedder_loading import embedders_of
from usher_inference.engine_loading import artifact_store, serve_releases
from usher_inference.metrics import Metrics
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.remote_loading import remote_engines
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    settings, clock, metrics = Settings(), SystemClock(), Metrics()
    store, elsewhere = artifact_store(settings), remote_engines(settings.remote_models)
    releases = None
    if store is not None:
        cache = Path(tempfile.gettempdir(), "usher-releases")
        releases = serve_releases(settings, store, cache, clock, metrics, elsewhere=elsewhere)
    deps = Deps(
        models=releases or FixedModels((PlaybookEngine(VERSION), *elsewhere), clock.now()),
        verifier=cloud.verifier,
        clock=clock,
        ids=UlidGenerator(),
        metrics=metrics,
        releases=releases,
        embedders=embedders_of(settings),
        elsewhere=elsewhere,
    )
    return create_app(settings, deps)


if __name__ == "__main__":
    main("inference", build)

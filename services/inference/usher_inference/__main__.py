"""The models on Google Cloud: `python -m usher_inference`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fastapi import FastAPI

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps, create_app
from usher_inference.embedder_loading import embedders_of
from usher_inference.engine_loading import artifact_store, built_in_engines, serve_releases
from usher_inference.metrics import Metrics
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    settings, clock, metrics = Settings(), SystemClock(), Metrics()
    store, embedders = artifact_store(settings), embedders_of(settings)
    if store is None:
        models = FixedModels(built_in_engines(settings), clock.now())
        return create_app(settings, Deps(models, cloud.verifier, clock, UlidGenerator(), metrics, None, embedders))
    cache = Path(tempfile.gettempdir(), "usher-releases")
    releases = serve_releases(settings, store, cache, clock, metrics)
    return create_app(settings, Deps(releases, cloud.verifier, clock, UlidGenerator(), metrics, releases, embedders))


if __name__ == "__main__":
    main("inference", build)

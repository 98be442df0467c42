"""The inference service on the laptop: the offline engine, and releases from the stack's own artifacts."""

from fastapi import FastAPI

from usher_inference.app import Deps, create_app
from usher_inference.embedder_loading import embedders_of
from usher_inference.engine_loading import artifact_store, serve_releases
from usher_inference.metrics import Metrics
from usher_inference.remote_loading import remote_engines
from usher_inference.settings import Settings
from usher_local.stack import Stack
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator


def build(stack: Stack) -> FastAPI:
    """Releases are those of USHER_INFERENCE_RELEASES_FOLDER or _BUCKET, else of the stack's data folder."""
    settings, clock, metrics = Settings(), SystemClock(), Metrics()
    store = artifact_store(settings) or FolderArtifactStore(stack.artifacts)
    elsewhere = remote_engines(settings.remote_models)
    releases = serve_releases(settings, store, stack.data / "inference", clock, metrics, elsewhere=elsewhere)
    deps = Deps(
        models=releases,
        verifier=stack.verifier(),
        clock=clock,
        ids=UlidGenerator(),
        metrics=metrics,
        releases=releases,
        embedders=embedders_of(settings),
        elsewhere=elsewhere,
    )
    return create_app(settings, deps)

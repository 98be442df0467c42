"""The models in Vertex AI's custom container: `python -m usher_inference.on_vertex`.

The port is bound before anything is loaded: Vertex AI gives up on a container whose port stays closed, and a model may
take minutes. Until it has generated, the health route answers 503.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError

from usher_inference.settings import Settings
from usher_inference.vertex.settings import VertexSettings
from usher_shared.telemetry import configure_logging

_LOG = logging.getLogger("usher")


def main() -> None:
    """Serve until SIGTERM. Ends the program, with the reason in the log, when the model cannot be loaded."""
    try:
        vertex, settings = VertexSettings(), Settings()
    except ValidationError as error:
        wrong = "\n".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)
        )
        raise SystemExit(f"{wrong}\n(Vertex AI sets AIP_…; see docs/guides/vertex.md)") from error
    listener = socket.create_server(("0.0.0.0", vertex.http_port), backlog=2048)  # noqa: S104  a container's only way to be reached
    configure_logging("inference", os.environ.get("USHER_LOG_LEVEL", "INFO"))
    sys.exit(_serve(vertex, settings, listener))


def _serve(vertex: VertexSettings, settings: Settings, listener: socket.socket) -> int:
    from usher_inference.adapters.bare_release import BareRelease
    from usher_inference.adapters.fixed_models import FixedModels
    from usher_inference.app import VERSION
    from usher_inference.completions.ports import Models
    from usher_inference.engine_loading import EngineFactory
    from usher_inference.metrics import Metrics
    from usher_inference.playbook.engine import PlaybookEngine
    from usher_inference.releases import smoke
    from usher_inference.vertex.app import VertexDeps, create_vertex_app
    from usher_shared.clock import SystemClock
    from usher_shared.http.serving import run_app
    from usher_shared.ids import UlidGenerator

    clock, metrics = SystemClock(), Metrics()
    failures: list[Exception] = []

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        if not vertex.storage_uri:
            yield FixedModels((PlaybookEngine(VERSION),), clock.now())
            return
        source = BareRelease(vertex.storage_uri)
        release = await source.read()
        with tempfile.TemporaryDirectory(prefix="usher-release-") as folder:
            await source.fetch(release, Path(folder))
            loaded = await EngineFactory(settings, metrics).load(release, Path(folder))
            try:
                await smoke.check(loaded.engine, release, seconds=settings.releases_smoke_seconds)
                _LOG.info("serving", extra={"model": release.model, "version": release.version})
                yield FixedModels((loaded.engine,), clock.now())
            finally:
                await loaded.close()

    def failed(error: Exception) -> None:
        _LOG.error("the model cannot be served", exc_info=error)
        failures.append(error)
        signal.raise_signal(signal.SIGTERM)

    deps = VertexDeps(load, failed, clock, UlidGenerator(), metrics)
    app = create_vertex_app(settings, vertex.health_route, vertex.predict_route, deps)
    _LOG.info("starting", extra={"port": vertex.http_port, "release": vertex.storage_uri or "the playbook"})
    run_app(app, host="", port=vertex.http_port, sockets=[listener])
    return 1 if failures else 0


if __name__ == "__main__":
    main()

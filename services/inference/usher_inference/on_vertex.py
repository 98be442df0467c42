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
from functools import partial

from pydantic import ValidationError

from usher_inference.settings import Settings
from usher_inference.vertex.settings import VertexSettings
from usher_shared.errors import UsherError
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
    from usher_inference.metrics import Metrics
    from usher_inference.one_release import one_release
    from usher_inference.vertex.app import VertexDeps, create_vertex_app
    from usher_shared.clock import SystemClock
    from usher_shared.http.serving import run_app
    from usher_shared.ids import UlidGenerator

    clock, metrics = SystemClock(), Metrics()
    failures: list[Exception] = []

    def failed(error: Exception) -> None:
        if isinstance(error, UsherError):  # written to be read; of others the place matters too
            _LOG.error("the model cannot be served: %s", error.detail)
        else:
            _LOG.error("the model cannot be served", exc_info=error)
        failures.append(error)
        signal.raise_signal(signal.SIGTERM)

    def stopped(number: int, _: object) -> None:
        """The server has ended in order, and hands on the signal that it took: our own is no reason to die by it."""
        if not failures:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    signal.signal(signal.SIGTERM, stopped)
    try:
        source = BareRelease(vertex.storage_uri) if vertex.storage_uri else None
    except UsherError as error:
        raise SystemExit(f"AIP_STORAGE_URI: {error.detail}") from None
    load = partial(one_release, source, settings, metrics, clock)
    app = create_vertex_app(
        settings, vertex.health_route, vertex.predict_route, VertexDeps(load, failed, clock, UlidGenerator(), metrics)
    )
    _LOG.info("starting", extra={"port": vertex.http_port, "release": vertex.storage_uri or "the playbook"})
    run_app(app, host="", port=vertex.http_port, sockets=[listener])
    return 1 if failures else 0


if __name__ == "__main__":
    main()

"""`python -m usher_local.serve SERVICE`: one service of the embedded stack, in this process.

Started by the supervisor, it inherits its listening socket (USHER_LISTEN_FD) and a pipe on standard input that
closes when the supervisor is gone, whatever ended it: then this process ends too. Started by hand, it binds its port.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import signal
import socket
import sys
import threading
from typing import get_args

import uvicorn

from usher_local.stack import HOST, SERVICES, default_home, load_stack
from usher_shared.telemetry import configure_logging, configure_tracing
from usher_shared.telemetry.tracing import Exporter, stop_tracing


def _exporter() -> Exporter:
    chosen = os.environ.get("USHER_TRACES", "none")
    for known in get_args(Exporter):
        if chosen == known:
            exporter: Exporter = known
            return exporter
    raise SystemExit(f"USHER_TRACES is {chosen!r}; it may be none, console or otlp")


class _Server(uvicorn.Server):
    """Exports the last spans before uvicorn ends the process by the signal that stopped it."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        stop_tracing()


def _end_with_supervisor() -> None:
    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="supervisor-watch").start()


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        raise SystemExit(f"usage: python -m usher_local.serve {{{'|'.join(SERVICES)}}}")
    service = arguments[0]
    configure_logging(service, os.environ.get("USHER_LOG_LEVEL", "INFO"))
    configure_tracing(service, _exporter())
    stack = load_stack(default_home())
    root = importlib.import_module(f"usher_local.roots.{service.replace('-', '_')}")
    app = root.build(stack)
    logging.getLogger("usher").info("starting", extra={"port": stack.ports[service]})
    config = uvicorn.Config(
        app,
        host=HOST,
        port=stack.ports[service],
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=8,
        server_header=False,
    )
    inherited = os.environ.get("USHER_LISTEN_FD")
    sockets = None
    if inherited is not None:
        sockets = [socket.socket(fileno=int(inherited))]
        _end_with_supervisor()
    gc.freeze()  # what start-up made stays: keep it out of every later collection
    _Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main(sys.argv[1:])

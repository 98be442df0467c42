"""Runs a service's app in this process until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Sequence
from typing import get_args

import uvicorn
from fastapi import FastAPI

from usher_shared.telemetry.tracing import Exporter, stop_tracing

# Cloud Run kills ten seconds after SIGTERM. Requests under way get the first part; what the lifespan still has to do at
# the end (finish turns and deliveries, publish the outbox, close clients) shares the rest
DRAIN_SECONDS = 3
STOP_SECONDS = 9.0
_LOG = logging.getLogger(__name__)


def chosen_exporter() -> Exporter:
    """Where spans go, from USHER_TRACES: none, console or otlp. Ends the program for another value."""
    chosen = os.environ.get("USHER_TRACES", "none")
    for known in get_args(Exporter):
        if chosen == known:
            exporter: Exporter = known
            return exporter
    raise SystemExit(f"USHER_TRACES is {chosen!r}; it may be none, console or otlp")


class _Server(uvicorn.Server):
    """Stops within STOP_SECONDS and exports the last spans before the process ends by the signal that stopped it."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await super().shutdown(sockets)
        except TimeoutError:  # what was left is done after the next start, as after a crash
            _LOG.warning("stopped before everything was closed", extra={"seconds": STOP_SECONDS})
        stop_tracing()


def run_app(app: FastAPI, *, host: str, port: int, sockets: Sequence[socket.socket] = ()) -> None:
    """Serve until SIGTERM or SIGINT, on the sockets where there are any; running requests get DRAIN_SECONDS."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        server_header=False,
    )
    # a request leaves little that only the collector finds: looking seldom spares a tenth of a turn's time
    gc.set_threshold(20_000, 20, 100)
    gc.freeze()  # what start-up made stays: keep it out of every later collection
    _Server(config).run(sockets=list(sockets) or None)

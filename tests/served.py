"""An app on a real port, in the test's own process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import uvicorn
from starlette.applications import Starlette

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:
        return nullcontext()  # signals stay with the test run


class Served:
    """An app on a port, in this process. `stop` and `start` again as often as wanted.

    `lifespan=False` leaves the app's start and end to the test.
    """

    def __init__(self, make_app: Callable[[], Starlette], port: int, *, lifespan: bool = True) -> None:
        self._make_app = make_app
        self._lifespan: Literal["auto", "off"] = "auto" if lifespan else "off"
        self.port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        config = uvicorn.Config(
            self._make_app(),
            host=HOST,
            port=self.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            lifespan=self._lifespan,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done(), "the server did not start"
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._server = self._task = None

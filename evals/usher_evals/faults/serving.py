"""The proxy on a port of this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn

from usher_evals.faults.proxy import FaultProxy

_HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # signals stay with the program


@contextlib.asynccontextmanager
async def serving(proxy: FaultProxy) -> AsyncIterator[str]:
    """Its URL while it is served."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # planned broken connections are no news
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        listener.listen(256)
        config = uvicorn.Config(proxy, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://{_HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
            await proxy.close()

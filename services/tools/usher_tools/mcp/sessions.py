"""The protocol's library, loaded with the first request and run until the service ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from usher_tools.office import Office

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager


class Sessions:
    """An ASGI application; `stop` ends what its first request started."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._started: asyncio.Future[StreamableHTTPSessionManager] | None = None
        self._ending = asyncio.Event()
        self._host: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = await asyncio.shield(self._start())
        await manager.handle_request(scope, receive, send)

    async def stop(self) -> None:
        """What is under way is cut off: the server has drained its requests before."""
        self._ending.set()
        if self._host is not None:
            await self._host

    def _start(self) -> asyncio.Future[StreamableHTTPSessionManager]:
        if self._started is None:
            self._started = asyncio.get_running_loop().create_future()
            self._host = asyncio.create_task(self._run(self._started), name="mcp-sessions")
        return self._started

    async def _run(self, started: asyncio.Future[StreamableHTTPSessionManager]) -> None:
        # one task from start to end: the library's task group has to be left by the task that entered it
        try:
            manager = await asyncio.to_thread(_load, self._office)
            async with manager.run():
                started.set_result(manager)
                await self._ending.wait()
        except Exception as error:  # those who wait are told; the next request tries again
            self._started = None
            if started.done():
                raise
            started.set_exception(error)


def _load(office: Office) -> StreamableHTTPSessionManager:
    from usher_tools.mcp.server import create_sessions

    return create_sessions(office)

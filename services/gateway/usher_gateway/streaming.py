"""Server-sent events passed through: chunk by chunk, heartbeats and ids as they came."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from usher_shared.errors import UsherError

_LOG = logging.getLogger(__name__)
EVENT_STREAM = "text/event-stream"
_QUEUED = 64  # chunks that wait for a slow client before the call behind has to wait too

OnEnd = Callable[[bytes | None], Awaitable[None]]
"""Called once with the whole stream, or with None when it broke off or outgrew what is kept."""


def _broken(error: UsherError) -> bytes:
    """Tells the client; without an id, so that a resume is not moved by it."""
    _LOG.warning("a stream broke off", extra={"error": repr(error)})
    frame = {"type": "RUN_ERROR", "message": "the connection behind this one broke", "code": "upstream_failed"}
    return b"data: " + orjson.dumps(frame) + b"\n\n"


class EventStream(StreamingResponse):
    """Answers with `chunks`; closes `resources` (the call they come from) when it ends, however it ends.

    When the client leaves, the call behind ends too: the events stay where `Last-Event-ID` finds them.
    """

    def __init__(self, chunks: AsyncIterator[bytes], resources: AsyncExitStack) -> None:
        self._chunks = chunks
        self._resources = resources
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._pass_on(), headers=headers, media_type=EVENT_STREAM)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        finally:
            await self._resources.aclose()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(ClientDisconnect):  # it may come back and resume
            await super().__call__(scope, receive, send)

    async def _pass_on(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        except UsherError as error:
            yield _broken(error)


class RecordedStream(EventStream):
    """An EventStream that is kept: its reading goes on when the client leaves, so that a retry finds it whole.

    `keep_bytes` bounds what is kept, `finish_seconds` how long a stream without a client is read on.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        resources: AsyncExitStack,
        *,
        on_end: OnEnd,
        keep_bytes: int,
        finish_seconds: float,
    ) -> None:
        super().__init__(chunks, resources)
        self._on_end = on_end
        self._keep_bytes = keep_bytes
        self._finish_seconds = finish_seconds
        self._kept: bytearray | None = bytearray()
        self._listening = True
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        reading = asyncio.create_task(self._read(), name="recorded-stream")
        try:
            await super()._answer(scope, receive, send)
            self._stop_listening()
            await asyncio.wait({reading}, timeout=self._finish_seconds)
        finally:
            self._stop_listening()
            reading.cancel()
            (failure,) = await asyncio.gather(reading, return_exceptions=True)
            if isinstance(failure, Exception):
                _LOG.error("a stream could not be recorded", exc_info=failure)

    def _stop_listening(self) -> None:
        self._listening = False
        while not self._queue.empty():  # frees a reader that waits for room
            self._queue.get_nowait()

    async def _read(self) -> None:
        try:
            try:
                async for chunk in self._chunks:
                    self._keep(chunk)
                    await self._show(chunk)
            except UsherError as error:
                self._kept = None
                await self._show(_broken(error))
            # before the client sees the end, so that its retry finds the record
            await self._on_end(None if self._kept is None else bytes(self._kept))
        finally:
            await self._show(None)

    def _keep(self, chunk: bytes) -> None:
        if self._kept is not None:
            self._kept += chunk
            if len(self._kept) > self._keep_bytes:
                self._kept = None

    async def _show(self, chunk: bytes | None) -> None:
        if self._listening:
            await self._queue.put(chunk)

    async def _pass_on(self) -> AsyncIterator[bytes]:
        while (chunk := await self._queue.get()) is not None:
            yield chunk

"""Ends the work on an answer that nobody waits for any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from starlette.types import Receive

from usher_inference.completions.ports import GRACE_SECONDS
from usher_shared.errors import UpstreamTimeout

_UNWATCHED_SECONDS = 0.1  # an answer that comes sooner is not worth a task that watches for hanging up


class ClientGone(Exception):
    """The client closed the connection before its answer was complete."""


class Guard:
    """A context that is cancelled when the client hangs up (ClientGone) or the deadline passes (UpstreamTimeout).

    `receive` is the ASGI request's, with its body read. As with `asyncio.timeout`, what runs inside sees a
    CancelledError, and only the context's end sees the reason.
    """

    def __init__(self, receive: Receive, deadline_seconds: float | None) -> None:
        self._receive = receive
        self._deadline_seconds = deadline_seconds
        self._timers: list[asyncio.TimerHandle] = []
        self._watch: asyncio.Task[None] | None = None
        self._reason: Exception | None = None

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a guard needs a task to cancel")
        self._task = task
        self._cancelling = task.cancelling()
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(_UNWATCHED_SECONDS, self._begin_watch))
        if self._deadline_seconds is not None:
            self._timers.append(loop.call_later(self._deadline_seconds + GRACE_SECONDS, self._expire))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._reason is not None and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self._reason from error

    def _begin_watch(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._await_disconnect())

    async def _await_disconnect(self) -> None:
        with suppress(OSError):
            while (await self._receive())["type"] != "http.disconnect":
                pass
        self._end(ClientGone("the client is gone"))

    def _expire(self) -> None:
        seconds = self._deadline_seconds
        self._end(UpstreamTimeout(f"no whole answer within {seconds:g} seconds", code="deadline_exceeded"))

    def _end(self, reason: Exception) -> None:
        if self._reason is None:
            self._reason = reason
            self._task.cancel()

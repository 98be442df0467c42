"""Answering a completion over HTTP, and giving its engine back whatever happens."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from usher_inference.completions import wire
from usher_inference.completions.guard import ClientGone, Guard
from usher_inference.completions.service import Completion
from usher_shared.errors import UsherError
from usher_shared.ids import IdGenerator

VERSION_HEADER = b"usher-model-version"
VARIANT_HEADER = b"usher-model-variant"
_CLIENT_CLOSED_REQUEST = 499  # nginx's; it reaches the log alone


def client_closed_request() -> Response:
    """What is noted where the client hung up; nobody reads it."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


class CompletionResponse(Response):
    """The answer's JSON, or server-sent events where the request asks for a stream.

    What the engine refuses before its first piece is raised before anything is sent, and so keeps its status. A client
    that hangs up ends the engine's work, streamed or not; so does the prompt's deadline.
    """

    def __init__(self, completion: Completion, ids: IdGenerator, now: datetime) -> None:
        super().__init__()
        self._completion = completion
        self._ids = ids
        self._now = now
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._completion:
                with Guard(receive, self._completion.prompt.deadline_seconds):
                    await (self._stream(send) if self._completion.request.stream else self._whole(send))
        except ClientGone:
            if not self._begun:
                await send({"type": "http.response.start", "status": _CLIENT_CLOSED_REQUEST, "headers": []})
        except UsherError as error:
            if not self._begun:
                raise
            # the status line is gone: what went wrong can only travel in the stream
            await send({"type": "http.response.body", "body": wire.render_broken(error), "more_body": False})

    async def _whole(self, send: Send) -> None:
        body = orjson.dumps(await wire.render_whole(self._completion, self._ids, self._now))
        length = str(len(body)).encode()
        await self._begin(send, (b"content-type", b"application/json"), (b"content-length", length))
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, send: Send) -> None:
        frames = await wire.open_stream(self._completion, self._ids, self._now)
        kind = (b"content-type", b"text/event-stream; charset=utf-8")
        await self._begin(send, kind, (b"cache-control", b"no-cache"))
        async with aclosing(frames):
            async for frame in frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Send, *headers: tuple[bytes, bytes]) -> None:
        self._begun = True
        served = self._completion.served
        named = [
            *headers,
            (VERSION_HEADER, served.engine.version.encode("latin-1", "replace")),
            (VARIANT_HEADER, served.variant.encode("latin-1", "replace")),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": named})

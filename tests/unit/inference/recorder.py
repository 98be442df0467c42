"""What a client and the app said to one another, as data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

_KEPT = ("accept", "content-type")  # of a request's headers; the rest is the machine's and the key

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Recorder:
    """ASGI middleware: every exchange goes into `exchanges`, in the order in which they end."""

    def __init__(self, app: App, exchanges: list[dict[str, Any]]) -> None:
        self._app = app
        self._exchanges = exchanges

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked, answered = bytearray(), bytearray()
        status, kind = 0, ""

        async def listened() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def told(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status = message["status"]
                kind = dict(message["headers"]).get(b"content-type", b"").decode()
            answered.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, listened, told)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self._exchanges.append(
            {
                "method": scope["method"],
                "path": scope["path"],
                "headers": {name: headers[name] for name in _KEPT if name in headers},
                "body": orjson.loads(asked) if asked else None,
                "status": status,
                "answer": read_answer(bytes(answered), kind),
            }
        )


def read_answer(body: bytes, kind: str) -> Any:
    """A JSON value; of a stream the list of its events' values."""
    if not kind.startswith("text/event-stream"):
        return orjson.loads(body)
    events = [event.removeprefix(b"data: ") for event in body.split(b"\n\n") if event]
    return [event.decode() if event == b"[DONE]" else orjson.loads(event) for event in events]

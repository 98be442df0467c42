"""Reading JSON bodies strictly: no half characters, no NaN, no infinity, which engines would stumble over later.

A body is JSON whatever its `Content-Type` says, as for OpenAI: `curl -d` alone calls it a form. That is safe where
callers are known by a token in a header, never by a cookie that a browser sends with any site's form.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers


class _StrictRequest(Request):
    @property
    def headers(self) -> Headers:
        if not hasattr(self, "_headers"):
            told = [(name, value) for name, value in self.scope["headers"] if name != b"content-type"]
            self._headers = Headers(raw=[*told, (b"content-type", b"application/json")])
        return self._headers

    async def json(self) -> Any:
        return orjson.loads(await self.body())


class StrictJsonRoute(APIRoute):
    """A route whose body is read by orjson, which also takes a fraction of the standard library's time."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly

"""Calls between services through a front that treats tokens as Cloud Run's documentation describes.

It checks `X-Serverless-Authorization` where it is sent, else `Authorization`, and takes the signature off the one that
it has checked. https://cloud.google.com/run/docs/authenticating/service-to-service
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from usher_shared.errors import Unauthenticated
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

SECRET = "a secret for tests that is long enough"
REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


async def _forward(request: web.Request, behind: str) -> web.Response:
    headers = dict(request.headers)
    checked = "X-Serverless-Authorization" if "X-Serverless-Authorization" in headers else "Authorization"
    token = headers[checked].removeprefix("Bearer ")
    assert await LocalTokenVerifier(SECRET).verify(token, "tools") == "agent"
    headers[checked] = f"Bearer {token.rpartition('.')[0]}.{REMOVED}"
    async with aiohttp.ClientSession(behind) as session, session.get(request.path, headers=headers) as answer:
        return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


@pytest.fixture
async def front(echo: Any) -> AsyncIterator[str]:
    async def forward(request: web.Request) -> web.Response:
        return await _forward(request, echo.server.url)

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_the_service_still_sees_who_calls(front: str) -> None:
    async with ServiceClient("tools", front, LocalTokenSource("agent", SECRET)) as client:
        assert (await client.call("GET", "/whoami"))["caller"] == "agent"


async def test_with_one_header_it_could_not(front: str) -> None:
    class OneHeader(ServiceClient):
        async def _headers(self, extra: Any) -> dict[str, str]:
            headers = await super()._headers(extra)
            del headers["X-Serverless-Authorization"]
            return headers

    async with OneHeader("tools", front, LocalTokenSource("agent", SECRET)) as client:
        with pytest.raises(Unauthenticated):
            await client.call("GET", "/whoami")

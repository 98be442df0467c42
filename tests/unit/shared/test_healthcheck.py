"""The containers' own health check."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI, Response

from served import Served, free_port
from usher_shared.http.healthcheck import healthy


@pytest.mark.parametrize("status", [200, 503])
async def test_it_is_healthy_when_health_answers_200(status: int) -> None:
    app = FastAPI()

    @app.get("/health")
    async def health() -> Response:
        return Response(status_code=status)

    served = Served(lambda: app, free_port())
    await served.start()
    try:
        assert await asyncio.to_thread(healthy, served.port) is (status == 200)
    finally:
        await served.stop()


async def test_it_is_unhealthy_where_nothing_or_no_http_server_listens() -> None:
    assert not healthy(free_port())

    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00nonsense\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert not await asyncio.to_thread(healthy, port)

"""A small integrator's endpoint: receives webhooks, verifies them with the public `standardwebhooks` library."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from usher_local.stack import HOST


class WebhookReceiver:
    """`received` holds the verified CloudEvents by webhook id; `refused` counts forged or stale requests."""

    def __init__(self) -> None:
        self.secret: str | None = None
        self.received: dict[str, dict[str, Any]] = {}
        self.refused = 0
        self.url = ""
        self._arrived = asyncio.Condition()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            if self.secret is None:
                return web.Response(status=503)
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.refused += 1
            return web.Response(status=401)
        async with self._arrived:
            self.received[request.headers["webhook-id"]] = orjson.loads(body)
            self._arrived.notify_all()
        return web.Response(status=204)

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """The events of that name, such as `ticket_purchased`."""
        return [event for event in self.received.values() if event["type"].split(".")[1] == name]

    async def wait_for(self, name: str, timeout_seconds: float = 20.0) -> dict[str, Any]:
        """The first event of that name. Raises TimeoutError."""
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: bool(self.of_type(name))), timeout_seconds)
        return self.of_type(name)[0]


@contextlib.asynccontextmanager
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    """Listens on a free port of the loopback address.

    USHER_RECEIVER_HOST is the name by which senders elsewhere (containers) know this machine: then on every address.
    """
    known_as = os.environ.get("USHER_RECEIVER_HOST")
    receiver = WebhookReceiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver._receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0" if known_as else HOST, 0)  # noqa: S104  containers come by the bridge
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://{known_as or HOST}:{port}/hooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()

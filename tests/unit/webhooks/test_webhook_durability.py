from __future__ import annotations

import asyncio
import signal
import sys

from usher_shared.http.tokens import LocalTokenSource

PROGRAM = """
import asyncio, socket, sys
from pathlib import Path
import uvicorn
from usher_shared.clock import SystemClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_local.bus.client import HttpEventBus
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_webhooks.adapters.http import HttpSender
from usher_webhooks.app import Deps, create_app
from usher_webhooks.destinations import DestinationPolicy
from usher_webhooks.settings import Settings

path, secret = sys.argv[1:]
sender = HttpSender(DestinationPolicy(True), timeout_seconds=5, max_response_bytes=100)
settings = Settings(
    allow_private_networks=True, retry_seconds=(0.3,) * 20, timeout_seconds=0.5, lease_margin_seconds=0.5
)
bus = HttpEventBus(ServiceClient("bus", "http://127.0.0.1:9", LocalTokenSource("webhooks", secret)))
deps = Deps(
    SqliteDocumentStore(Path(path)), bus, sender, sender, SystemClock(), UlidGenerator(), LocalTokenVerifier(secret)
)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(listener.getsockname()[1], flush=True)
server = uvicorn.Server(uvicorn.Config(create_app(settings, deps), log_level="error"))
asyncio.run(server.serve(sockets=[listener]))
"""


async def test_deliveries_survive_kill_9(tmp_path, endpoint, purchase, remote_service, service_secret) -> None:
    async def start() -> tuple[asyncio.subprocess.Process, int]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(tmp_path / "webhooks.db"), service_secret, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        return process, int(await asyncio.wait_for(process.stdout.readline(), 30))

    gateway = await LocalTokenSource("gateway", service_secret).token("webhooks")
    bus = await LocalTokenSource("bus", service_secret).token("webhooks")
    endpoint.answer(500)
    process, port = await start()
    try:
        async with remote_service(port, gateway, bus) as service:
            made = await service.register(endpoint.url)
            answers = await asyncio.gather(*[service.push(purchase(f"EVT_{n}")) for n in range(20)])
            assert {a.status_code for a in answers} == {204}
        process.send_signal(signal.SIGKILL)
        await process.wait()
        endpoint.answer(204)
        before = len(endpoint.received)
        process, port = await start()
        async with remote_service(port, gateway, bus) as service:
            answers = await asyncio.gather(*[service.push(purchase(f"EVT_{n}")) for n in range(20)])
            assert {a.status_code for a in answers} == {204}  # redelivered by the bus: nothing new
            deliveries = await service.settled(made["webhook_id"], *["delivered"] * 20)
        assert {d["event_id"] for d in deliveries} == {f"EVT_{n}" for n in range(20)}
        assert len({got.headers["webhook-id"] for got in endpoint.received[before:]}) == 20
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

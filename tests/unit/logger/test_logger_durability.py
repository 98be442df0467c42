from __future__ import annotations

import asyncio
import base64
import contextlib
import signal
import sys

import aiohttp
import pytest

from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_shared.http.tokens import LocalTokenSource

PROGRAM = """
import asyncio, socket, sys
from pathlib import Path
import uvicorn
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.app import Deps, create_app
from usher_logger.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenVerifier

path, secret = sys.argv[1:]
deps = Deps(DuckDbWarehouse(Path(path)), SystemClock(), LocalTokenVerifier(secret))
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(listener.getsockname()[1], flush=True)
server = uvicorn.Server(uvicorn.Config(create_app(Settings(), deps), log_level="error"))
asyncio.run(server.serve(sockets=[listener]))
"""


@pytest.mark.parametrize("kill_after", [1, 150])
async def test_every_acknowledged_event_survives_kill_9(tmp_path, make_event, service_secret, kill_after) -> None:
    path = tmp_path / "warehouse.duckdb"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), service_secret, stdout=asyncio.subprocess.PIPE
    )
    acknowledged: set[str] = set()
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        token = await LocalTokenSource("bus", service_secret).token("logger")
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}
        ) as session:

            async def push(number: int) -> None:
                event = make_event("chat_turn_completed", f"E{number}", message_id=f"MSG_{number}")
                data = base64.b64encode(event.to_json()).decode()
                body = {"message": {"data": data, "messageId": str(number)}, "subscription": "logger-x"}
                try:
                    async with session.post("/push", json=body) as answer:
                        if answer.status == 204:
                            acknowledged.add(event.id)
                except aiohttp.ClientError:
                    return  # killed before it answered: the bus would send it again
                if len(acknowledged) >= kill_after:
                    with contextlib.suppress(ProcessLookupError):  # killed already
                        process.send_signal(signal.SIGKILL)  # while the others' pushes are under way

            async def pushes(worker: int) -> None:
                for number in range(worker, 2000, 16):
                    if len(acknowledged) < kill_after:
                        await push(number)

            await asyncio.gather(*map(pushes, range(16)))
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert kill_after <= len(acknowledged) < 2000
    warehouse = DuckDbWarehouse(path)
    rows = await warehouse.select("rows_events", {"limit": 5000, "order_id": None, "conversation_id": None})
    stored = [row["id"] for row in rows]
    assert len(stored) == len(set(stored))
    assert acknowledged <= set(stored)
    assert {row["id"] for row in rows} <= {f"E{n}" for n in range(2000)}
    await warehouse.close()

"""The event bus contract on the embedded bus, killed too."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from contracts.bus.embedded import EmbeddedBench
from contracts.bus.subscriber import PATIENCE_SECONDS
from contracts.bus.suite import BusSuite, error_event

TESTS = Path(__file__).parents[2]


class TestEmbeddedBus(BusSuite):
    __test__ = True


_BUS_PROCESS = """
import json, sys
import uvicorn
from pathlib import Path
from contracts.bus.embedded import make_bus
path, port, ports = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
uvicorn.run(make_bus(path, ports), host="127.0.0.1", port=port, log_config=None)
"""


def start_process(bench: EmbeddedBench) -> subprocess.Popen[bytes]:
    ports = f'{{"logger": {bench.ports["logger"]}, "webhooks": {bench.ports["webhooks"]}}}'
    return subprocess.Popen(
        [sys.executable, "-c", _BUS_PROCESS, str(bench.path), str(bench.server.port), ports],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


async def until_answering(bench: EmbeddedBench) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await bench.bus.ping()
            except Exception:
                await asyncio.sleep(0.02)
                continue
            return


async def test_a_killed_bus_delivers_after_its_restart_what_it_had_taken(bench: EmbeddedBench) -> None:
    await bench.stop_bus()
    process = start_process(bench)
    try:
        await until_answering(bench)
        taken = [error_event("a") for _ in range(10)]
        bench.logger.gates[taken[3].id] = asyncio.Event()  # killed with this one in flight
        await bench.bus.publish(taken)
        await bench.logger.until_seen(taken[3].id)
        process.send_signal(signal.SIGKILL)
        process.wait()
        bench.logger.gates[taken[3].id].set()
        process = start_process(bench)
        await until_answering(bench)
        await bench.logger.until_handled(*(e.id for e in taken))
        await bench.webhooks.until_handled(*(e.id for e in taken))
        await bench.until_idle()
        assert await bench.dead_letters() == []
        first_seen = list(dict.fromkeys(bench.logger.seen))
        assert first_seen == [e.id for e in taken]
    finally:
        process.kill()
        process.wait()

"""The benches of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from contracts.bus.embedded import EmbeddedBench
from contracts.bus.pubsub_bench import Emulator
from emulators.starting import unavailable


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[EmbeddedBench]:
    bench = EmbeddedBench(tmp_path)
    await bench.start()
    yield bench
    await bench.close()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.start()
    try:
        if not emulator.address.startswith(("127.0.0.1:", "localhost:")):
            unavailable("a Pub/Sub emulator that can push to this machine", f"it is at {emulator.address}")
        yield emulator
    finally:
        emulator.stop()

"""Concurrent transactions on one hot document: our DocumentStore against Google's own client, same emulator, same run.

    python benchmarks/firestore_transactions.py [--writers 8] [--store-writers 200] [--emulator host:port]

The peer is `async_transactional` of google-cloud-firestore with its defaults (five attempts). A writer that it gives up
counts as failed. Ours runs the same number of writers, then many more. Without --emulator, the one of the installed
Google Cloud CLI is started (the tests' own way of starting it).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from google.cloud.firestore_v1 import AsyncClient, AsyncTransaction, async_transactional

from usher_shared.documents import Transaction
from usher_shared.documents.collections import Collection
from usher_shared.documents.firestore import FirestoreDocumentStore

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from emulators.google import firestore_emulator

DATABASE = "usher-benchmark"
COUNTERS = {"counters": Collection("counters", (), None)}


async def timed(write: Callable[[], Awaitable[None]], writers: int) -> tuple[float, int]:
    """Seconds until all have ended, and how many succeeded."""
    start = time.perf_counter()
    results = await asyncio.gather(*(write() for _ in range(writers)), return_exceptions=True)
    return time.perf_counter() - start, sum(result is None for result in results)


async def peer(emulator: str, writers: int) -> tuple[float, int, int]:
    """Google's client: seconds, succeeded, the counter's value."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = emulator
    client = AsyncClient(project=f"p-{secrets.token_hex(6)}", database=DATABASE)
    counter = client.collection("counters").document("c")
    await counter.set({"value": 0})

    async def write() -> None:
        @async_transactional
        async def increment(tx: AsyncTransaction) -> None:
            found = (await counter.get(transaction=tx)).to_dict() or {}
            tx.set(counter, {"value": found["value"] + 1})

        await increment(client.transaction())

    seconds, succeeded = await timed(write, writers)
    value = ((await counter.get()).to_dict() or {})["value"]
    await client._firestore_api.transport.close()
    return seconds, succeeded, value


async def ours(emulator: str, writers: int) -> tuple[float, int, int]:
    store = FirestoreDocumentStore(f"p-{secrets.token_hex(6)}", DATABASE, COUNTERS, emulator=emulator)
    await store.set("counters", "c", {"value": 0})

    async def increment(tx: Transaction) -> None:
        found = await tx.get("counters", "c") or {}
        tx.set("counters", "c", {"value": found["value"] + 1})

    seconds, succeeded = await timed(lambda: store.transaction(increment), writers)
    value = (await store.get("counters", "c") or {})["value"]
    await store.close()
    return seconds, succeeded, value


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--store-writers", type=int, default=200)
    parser.add_argument("--emulator", help="host:port of a running Firestore emulator")
    options = parser.parse_args()
    running = contextlib.nullcontext(options.emulator) if options.emulator else firestore_emulator()
    with running as emulator:
        rates = []
        for name, measure, writers in (
            ("Google's client", peer, options.writers),
            ("DocumentStore", ours, options.writers),
            ("DocumentStore", ours, options.store_writers),
        ):
            seconds, succeeded, value = await measure(emulator, writers)
            assert value == succeeded, "an update was lost or doubled"
            rates.append(succeeded / seconds)
            print(f"{name:16} {writers:4} writers: {succeeded:4} succeeded in {seconds:7.2f} s ({rates[-1]:.1f}/s)")
        print(f"ratio {rates[1] / rates[0]:.0f} with {options.writers} writers, {rates[2] / rates[0]:.0f} with more")


if __name__ == "__main__":
    asyncio.run(main())

"""Holds and sales per second over HTTP, against the raw SQLite transaction rate of the same disk in the same run.

    python benchmarks/box_office.py [--seconds 4]

The peer is one connection that commits one small row per transaction (WAL, synchronous=FULL): what the disk allows
without grouping. A hold is one durable transaction; a sale is hold, quote and order: four transactions of the
box office and one of the sandbox payment provider. Seats are of the seed catalogue's arena and stadium.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from usher_local.seed import seed_catalogue
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.contracts.identity import Principal
from usher_shared.errors import Unavailable
from usher_shared.events import Event
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

SECRET = "a-secret-of-the-benchmark-that-is-long-enough"  # noqa: S105  guards a throw-away server on the loopback


class NoBus:
    """Takes events and forgets them: the bus is not what is measured."""

    async def publish(self, events: Sequence[Event]) -> None:
        return None

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None


def serve(folder: Path, port: int) -> None:
    import uvicorn

    from usher_shared.clock import SystemClock
    from usher_shared.documents.sqlite import SqliteDocumentStore
    from usher_shared.ids import UlidGenerator
    from usher_tools.adapters.sandbox_payments import SandboxPayments
    from usher_tools.app import Deps, create_app
    from usher_tools.settings import Settings

    ids = UlidGenerator()
    deps = Deps(
        store=SqliteDocumentStore(folder / "tools.db"),
        payments=SandboxPayments(SqliteDocumentStore(folder / "provider.db"), ids),
        bus=NoBus(),
        verifier=LocalTokenVerifier(SECRET),
        clock=SystemClock(),
        ids=ids,
    )
    uvicorn.run(create_app(Settings(), deps), host="127.0.0.1", port=port, log_config=None, access_log=False)


def raw_rate(folder: Path, seconds: float) -> float:
    """Transactions per second of one connection, one row each."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT)")
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t (data) VALUES (?)", ("x" * 300,))
        connection.execute("COMMIT")
        count += 1
    connection.close()
    return count / (time.perf_counter() - start)


HOLD_EVENTS = ("tide-redhawks", "solar-parade", "tide-bisons", "tide-harriers")
SALE_EVENTS = ("lantern-festival", "echo-canyon", "tide-comrades", "tide-stags")


def pairs(events: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Event and two neighbouring seats, each pair once."""
    for event in events:
        for section, row, seat in itertools.product(range(101, 117), range(1, 17), range(1, 21, 2)):
            yield event, [f"{section}-{row}-{seat}", f"{section}-{row}-{seat + 1}"]


class Customers:
    """Each step is one new customer; `latencies` in seconds."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._pairs = pairs(HOLD_EVENTS)
        self._sale_pairs = pairs(SALE_EVENTS)
        self._numbers = itertools.count(1)
        self.latencies: list[float] = []

    async def _tool(self, name: str, body: object, customer: str, **headers: str) -> dict[str, object]:
        named = Principal(client_id="bench", customer_id=customer).headers() | headers
        answer: dict[str, object] = await self._client.call("POST", f"/tools/{name}", json=body, headers=named)
        return answer

    async def hold(self) -> tuple[str, str]:
        return await self._hold(*next(self._pairs))

    async def _hold(self, event: str, seats: list[str]) -> tuple[str, str]:
        customer = f"c{next(self._numbers)}"
        hold = await self._tool("hold_tickets", {"event_id": event, "seat_ids": seats}, customer)
        return customer, str(hold["hold_id"])

    async def sale(self) -> None:
        customer, hold_id = await self._hold(*next(self._sale_pairs))
        wanted = {"action": "create_order", "arguments": {"hold_id": hold_id}}
        quote = await self._tool("quote", wanted, customer)
        arguments = dict(quote["arguments"])  # type: ignore[call-overload]  # a JSON object
        yes = Confirmation(
            id=f"CONF-{hold_id}",
            quote_id=str(quote["quote_id"]),
            action="create_order",
            fingerprint=fingerprint("create_order", arguments),
            total_minor=int(str(quote["total_minor"])),
            currency="USD",
            customer_id=customer,
            confirmed_at=datetime.now(UTC),
            evidence="endpoint",
        )
        headers = {CONFIRMATION_HEADER: yes.to_header(), "Idempotency-Key": yes.id}
        await self._tool("create_order", arguments, customer, **headers)

    async def rate(self, step: Callable[[], Awaitable[object]], clients: int, seconds: float) -> float:
        """Steps per second of so many clients at once."""
        self.latencies = []
        start = time.perf_counter()

        async def client() -> None:
            while time.perf_counter() - start < seconds:
                before = time.perf_counter()
                await step()
                self.latencies.append(time.perf_counter() - before)

        await asyncio.gather(*(client() for _ in range(clients)))
        return len(self.latencies) / (time.perf_counter() - start)


async def measure(folder: Path, port: int, seconds: float) -> None:
    url = f"http://127.0.0.1:{port}"
    async with (
        ServiceClient("tools", url, LocalTokenSource("cli", SECRET)) as cli,
        ServiceClient("tools", url, LocalTokenSource("agent", SECRET)) as agent,
    ):
        for _ in range(100):
            try:
                await cli.call("GET", "/health")
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        catalogue, start = seed_catalogue(date.today()), time.perf_counter()  # noqa: DTZ011  as a laptop's user means it
        await cli.call("POST", "/catalogue", json=catalogue)
        print(f"seed import            {(time.perf_counter() - start) * 1000:8.0f} ms")
        raw = raw_rate(folder, seconds / 2)
        print(f"raw SQLite             {raw:8.0f} transactions/s")
        customers = Customers(agent)
        for name, step in (("holds", customers.hold), ("sales", customers.sale)):
            for clients in (1, 16):
                rate = await customers.rate(step, clients, seconds)
                p50, p99 = _quantiles(customers.latencies)
                print(
                    f"{name} at {clients:2} clients    {rate:8.0f} /s   {rate / raw:5.2f} x raw   "
                    f"p50 {p50 * 1000:6.1f} ms  p99 {p99 * 1000:6.1f} ms"
                )


def _quantiles(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), _free_port()
        server = subprocess.Popen([sys.executable, __file__, "--serve", name, str(port)])
        try:
            asyncio.run(measure(folder, port, options.seconds))
        finally:
            server.terminate()
            server.wait(10)


if __name__ == "__main__":
    main()

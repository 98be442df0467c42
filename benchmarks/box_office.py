"""Holds and sales per second over HTTP, against the raw SQLite transaction rate of the same disk in the same run.

    python benchmarks/box_office.py [--seconds 4] [--clients 1 16 64]

The peer is one connection that commits one small row per transaction (WAL, synchronous=FULL): what the disk allows
without grouping. A hold is one durable transaction of two neighbouring seats; a sale is hold, quote and order.
`apart`: every customer in another row than the one before, over three events. `together`, holds: all customers want a
random pair of one section of 100 seats, and let go of it at once; refusals are counted apart, releases are inside the
time. `together`, sales: one row after the other is sold off by all customers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.contracts.identity import Principal
from usher_shared.errors import Conflict, Unavailable
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


def raw_rate(folder: Path, seconds: float, name: str = "raw.db") -> float:
    """Transactions per second of one connection, one row each."""
    connection = sqlite3.connect(folder / name, isolation_level=None)
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


EVENTS = ("first", "second", "third", "fourth")
SECTIONS, ROWS, SEATS, SMALL_ROWS = 50, 40, 20, 5
_SMALL = "SMALL"


def catalogue() -> dict[str, object]:
    """One venue of 50 sections of 40 rows of 20 seats, and one of 5 rows; four events there."""
    sections = [
        {"id": str(n), "name": f"Section {n}", "rows": [{"from": "1", "to": str(ROWS), "seats": SEATS}]}
        for n in range(1, SECTIONS + 1)
    ]
    small = {"id": _SMALL, "name": "Small", "rows": [{"from": "1", "to": str(SMALL_ROWS), "seats": SEATS}]}
    venue = {
        "id": "bench",
        "name": "Bench",
        "city": "Chicago",
        "address": "1 Main Street",
        "time_zone": "America/Chicago",
        "sections": [*sections, small],
    }
    event = {
        "category": "concert",
        "venue": "bench",
        "starts_at": (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT19:30"),
        "currency": "USD",
        "prices": {section["id"]: 80 for section in venue["sections"]},  # type: ignore[attr-defined]  # written above
        "policies": {"refund": {"until_hours_before": 2}, "upgrade": {"until_hours_before": 1}},
    }
    return {"venues": [venue], "events": [{"id": id, "name": id, **event} for id in EVENTS]}


def apart() -> Iterator[tuple[str, list[str]]]:
    """Event and two neighbouring seats, each pair once; the next is always in another row and event."""
    order = itertools.product(range(1, SEATS, 2), range(1, ROWS + 1), range(1, SECTIONS + 1), EVENTS[1:])
    for seat, row, section, event in order:
        yield event, [f"{section}-{row}-{seat}", f"{section}-{row}-{seat + 1}"]


def together() -> Iterator[tuple[str, list[str]]]:
    """Pairs of the first event, row by row."""
    for section, row in itertools.product(range(1, SECTIONS + 1), range(1, ROWS + 1)):
        for seat in range(1, SEATS, 2):
            yield EVENTS[0], [f"{section}-{row}-{seat}", f"{section}-{row}-{seat + 1}"]


def small() -> Iterator[tuple[str, list[str]]]:
    """Random pairs of the small section, for ever."""
    chance = random.Random(1)
    while True:
        row, seat = chance.randint(1, SMALL_ROWS), chance.randrange(1, SEATS, 2)
        yield EVENTS[0], [f"{_SMALL}-{row}-{seat}", f"{_SMALL}-{row}-{seat + 1}"]


class Customers:
    """Each step is one new customer; `latencies` in seconds, of the steps that succeeded."""

    def __init__(self, client: ServiceClient, server: int) -> None:
        """`server` is the box office's process id."""
        self._client = client
        self.server = server
        self._apart, self._together, self._small = apart(), together(), small()
        self._numbers = itertools.count(1)
        self.latencies: list[float] = []
        self.refused: Counter[str] = Counter()

    async def _tool(self, name: str, body: object, customer: str, **headers: str) -> dict[str, object]:
        named = Principal(client_id="bench", customer_id=customer).headers() | headers
        answer: dict[str, object] = await self._client.call("POST", f"/tools/{name}", json=body, headers=named)
        return answer

    async def hold_apart(self) -> None:
        await self._hold(*next(self._apart))

    async def hold_together(self) -> None:
        customer, hold_id = await self._hold(*next(self._small))
        await self._tool("release_hold", {"hold_id": hold_id}, customer)

    async def sale_apart(self) -> None:
        await self._sale(*next(self._apart))

    async def sale_together(self) -> None:
        await self._sale(*next(self._together))

    async def _hold(self, event: str, seats: list[str]) -> tuple[str, str]:
        customer = f"c{next(self._numbers)}"
        hold = await self._tool("hold_tickets", {"event_id": event, "seat_ids": seats}, customer)
        return customer, str(hold["hold_id"])

    async def _sale(self, event: str, seats: list[str]) -> None:
        customer, hold_id = await self._hold(event, seats)
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
        """Steps per second of so many clients at once; refusals are counted in `refused` by code, and nowhere else."""
        self.latencies, self.refused = [], Counter()
        start = time.perf_counter()

        async def client() -> None:
            while time.perf_counter() - start < seconds:
                before = time.perf_counter()
                try:
                    await step()
                except Conflict as error:
                    self.refused[error.code] += 1
                else:
                    self.latencies.append(time.perf_counter() - before)

        await asyncio.gather(*(client() for _ in range(clients)))
        return len(self.latencies) / (time.perf_counter() - start)


@contextlib.asynccontextmanager
async def customers_of(folder: Path) -> AsyncIterator[tuple[Customers, float]]:
    """A box office in its own process with the catalogue, and how many seconds importing that took."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", str(folder), str(port)]
    server = await asyncio.create_subprocess_exec(*command)
    url = f"http://127.0.0.1:{port}"
    try:
        async with (
            ServiceClient("tools", url, LocalTokenSource("cli", SECRET)) as cli,
            ServiceClient("tools", url, LocalTokenSource("agent", SECRET)) as agent,
        ):
            for _ in range(200):
                try:
                    await cli.call("GET", "/health")
                    break
                except Unavailable:
                    await asyncio.sleep(0.1)
            start = time.perf_counter()
            await cli.call("POST", "/catalogue", json=catalogue())
            yield Customers(agent, server.pid), time.perf_counter() - start
    finally:
        server.terminate()
        await server.wait()


async def measure(folder: Path, seconds: float, crowds: Sequence[int]) -> None:
    async with customers_of(folder) as (customers, import_seconds):
        seats = len(EVENTS) * (SECTIONS * ROWS + SMALL_ROWS) * SEATS
        print(f"catalogue import of {seats:,} seats {import_seconds * 1000:6.0f} ms")
        raws = []
        steps = {
            "holds apart": customers.hold_apart,
            "holds together": customers.hold_together,
            "sales apart": customers.sale_apart,
            "sales together": customers.sale_together,
        }
        for name, step in steps.items():
            for clients in crowds:
                # beside each measurement: on a busy machine the limit moves
                raws.append(raw := raw_rate(folder, seconds / 4, f"raw-{len(raws)}.db"))
                rate = await customers.rate(step, clients, seconds)
                p50, p99 = _quantiles(customers.latencies)
                refused = dict(customers.refused) or "none"
                print(
                    f"{name:15} {clients:3} clients {rate:7.0f} /s  {rate / raw:6.3f} x raw   "
                    f"p50 {p50 * 1000:6.1f} ms  p99 {p99 * 1000:6.1f} ms   refused {refused}"
                )
        print(f"raw SQLite {statistics.median(raws):,.0f} transactions/s (from {min(raws):,.0f} to {max(raws):,.0f})")


def _quantiles(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64], help="at once")
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name), options.seconds, options.clients))


if __name__ == "__main__":
    main()

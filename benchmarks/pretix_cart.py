"""Holds per second: Usher's `hold_tickets` against pretix's cart from its public package on PostgreSQL, in one run.

    python benchmarks/pretix_cart.py --home /tmp/pretix [--seconds 4] [--clients 1 16]

The first run with a new folder makes everything there: a virtual environment with the pinned packages of
benchmarks/peers/pretix/requirements.txt (some minutes), a PostgreSQL cluster with its default settings (fsync on), a
Redis for its cache, a configuration without debugging, one event of 20,000 seats. Needs PostgreSQL's and Redis's
programs and Python 3.11. Each hold is of two neighbouring seats. pretix is measured twice: its REST API
(`cartpositions/bulk_create`) behind gunicorn with five workers (2 x cores + 1), and its cart task called in as many
processes as clients, without HTTP. `apart`: every client has seats of its own; `together`: all want random pairs of
the same 100 seats, and let go of them at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from box_office import Customers, customers_of, free_port

HERE = Path(__file__).resolve().parent / "peers" / "pretix"
SEATS, ROW, SHARED = 20_000, 20, 100
WORKERS = 5
USHER, REST, TASK = "Usher over HTTP, one process", f"pretix REST API, {WORKERS} workers", "pretix cart task, no HTTP"


def processor_seconds(pid: int) -> float:
    """Of the process and of its children, ended ones included."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    times = []
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            times.append(process.cpu_times())
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def postgres_program(name: str) -> str:
    """Its path: Debian keeps these out of PATH. Ends the program when there is none."""
    found = shutil.which(name) or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )
    if found is None:
        sys.exit(f"{name} is not installed (PostgreSQL 15 or newer)")
    return found


def as_postgres(command: Sequence[str], folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then as the user `postgres`, who gets the folder."""
    if os.geteuid() != 0:
        return list(command)
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--", *command]


class Pretix:
    """One installation in `home`; use `running`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._python = home / "venv/bin/python"
        self._database = home / "database"
        self._ports = {name: free_port() for name in ("postgres", "redis", "web")}
        self._servers: list[int] = []  # process ids of PostgreSQL and of the web server
        self.event: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['web']}"

    def run(self, *arguments: str) -> str:
        """A program of its environment, in its folder; what it printed."""
        command = [str(self._python), *arguments]
        done = subprocess.run(command, cwd=self._home, env=self._env(), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def _env(self) -> dict[str, str]:
        # the interpreter beside which we run must not be seen
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return {**kept, "PRETIX_CONFIG_FILE": str(self._home / "pretix.cfg")}

    def _install(self) -> None:
        if self._python.exists():
            return
        print("installing pretix ...", flush=True)
        self._home.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(self._home / "venv")], check=True)
        self.run("-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt"))

    def _configure(self) -> None:
        (self._home / "data").mkdir(exist_ok=True)
        (self._home / "pretix.cfg").write_text(
            f"[pretix]\ninstance_name=bench\nurl={self.url}\ndatadir={self._home}/data\n"
            f"[database]\nbackend=postgresql\nname=pretix\nuser=pretix\nhost=127.0.0.1\nport={self._ports['postgres']}\n"
            f"[redis]\nlocation=redis://127.0.0.1:{self._ports['redis']}/0\nsessions=true\n"
            "[django]\ndebug=off\n[mail]\nhost=127.0.0.1\n"
        )

    def _initialise(self) -> None:
        self._database.mkdir()
        command = [postgres_program("initdb"), "-D", str(self._database), "-U", "pretix", "-A", "trust", "-E", "UTF8"]
        subprocess.run(as_postgres(command, self._database), check=True, stdout=subprocess.DEVNULL)

    def _migrate(self) -> None:
        print("creating the database ...", flush=True)
        createdb = [postgres_program("createdb"), "-h", "127.0.0.1", "-p", str(self._ports["postgres"]), "-U", "pretix"]
        subprocess.run([*createdb, "pretix"], check=True)
        self.run("-m", "pretix", "migrate")
        (self._home / "event.json").write_text(
            self.run(str(HERE / "configure.py"), str(SEATS), str(ROW)).splitlines()[-1]
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """PostgreSQL, Redis and the web workers, everything made first that is missing; carts of before emptied."""
        self._install()
        self._configure()
        fresh = not self._database.exists()
        if fresh:
            self._initialise()
        options = ["-D", str(self._database), "-p", str(self._ports["postgres"]), "-h", "127.0.0.1", "-k", "/tmp"]  # noqa: S108  its socket
        redis = [shutil.which("redis-server") or sys.exit("redis-server is not installed")]
        redis += ["--port", str(self._ports["redis"]), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._home)]
        with contextlib.ExitStack() as stack:
            log = stack.enter_context((self._home / "servers.log").open("ab"))
            postgres = as_postgres([postgres_program("postgres"), *options], self._database)
            database = stack.enter_context(_process(postgres, log))
            stack.enter_context(_process(redis, log))
            self._wait_for_postgres()
            if fresh:
                self._migrate()
            self.event = json.loads((self._home / "event.json").read_text())
            self._empty_carts()
            web = [str(self._python), "-m", "gunicorn", "pretix.wsgi", "--workers", str(WORKERS)]
            web += ["--bind", f"127.0.0.1:{self._ports['web']}", "--graceful-timeout", "3", "--log-level", "error"]
            server = stack.enter_context(_process(web, log, cwd=self._home, env=self._env()))
            self._servers = [database, server]
            yield

    def _psql(self, statement: str) -> str:
        command = [
            postgres_program("psql"),
            "-h",
            "127.0.0.1",
            "-p",
            str(self._ports["postgres"]),
            "-U",
            "pretix",
            "-Atc",
        ]
        return subprocess.run(
            [*command, statement, "pretix"], check=True, capture_output=True, text=True
        ).stdout.strip()

    def _empty_carts(self) -> None:
        self._psql("DELETE FROM pretixbase_cartposition")
        self._psql("VACUUM ANALYZE")  # fresh statistics: the planner at its best

    def versions(self) -> str:
        fsync = self._psql("SHOW fsync"), self._psql("SHOW synchronous_commit")
        return f"PostgreSQL {self._psql('SHOW server_version')} (fsync {fsync[0]}, synchronous_commit {fsync[1]})"

    def _wait_for_postgres(self) -> None:
        ready = [postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._ports["postgres"])]
        for _ in range(100):
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.1)
        sys.exit(f"PostgreSQL did not start; see {self._home / 'servers.log'}")

    def cart_task(self, clients: int, first: int, seconds: float, *, contended: bool) -> float:
        """Holds a second by its own task in so many processes."""
        share = SHARED if contended else (SEATS - first) // 2 // clients // 2 * 2
        job = {**self.event, "clients": clients, "first": first, "share": share, "seconds": seconds}
        answer = json.loads(
            self.run(str(HERE / "cart_task.py"), json.dumps({**job, "contended": contended})).splitlines()[-1]
        )
        self._empty_carts()
        return float(answer["holds"] / answer["seconds"])

    async def over_http(self, clients: int, seconds: float) -> tuple[float, float]:
        """Holds a second through its REST API, each of seats of its own, and processor milliseconds of its workers
        and of PostgreSQL for each."""
        path = f"{self.url}/api/v1/organizers/bench/events/bench/cartpositions/bulk_create/"
        headers = {"Authorization": f"Token {self.event['token']}"}
        pairs = iter(range(0, SEATS, 2))
        held, start, before = 0, 0.0, 0.0
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=60)) as session:

            async def hold() -> bool:
                first = next(pairs)
                seats = ({"item": self.event["item"], "price": "80.00", "seat": f"S{first + n}"} for n in (0, 1))
                async with session.post(path, json=list(seats)) as response:
                    answer = await response.json()
                    return response.status == 200 and all(part["success"] for part in answer["results"])

            for _ in range(100):  # until the workers are up
                with contextlib.suppress(aiohttp.ClientError):
                    if await hold():
                        break
                await asyncio.sleep(0.2)
            for _ in range(6):  # every worker has loaded what it needs
                await asyncio.gather(*(hold() for _ in range(2 * WORKERS)))

            async def client() -> int:
                count = 0
                while time.perf_counter() - start < seconds:
                    count += await hold()
                return count

            start, before = time.perf_counter(), self._processor_seconds()
            held = sum(await asyncio.gather(*(client() for _ in range(clients))))
        rate = held / (time.perf_counter() - start)
        spent = self._processor_seconds() - before
        self._empty_carts()
        return rate, 1000 * spent / max(held, 1)

    def _processor_seconds(self) -> float:
        return sum(map(processor_seconds, self._servers))


@contextlib.contextmanager
def _process(command: Sequence[str], log: Any, **more: Any) -> Iterator[int]:
    """While it runs; its id."""
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **more)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


Sample = tuple[str, str, int]
"""Who, where, how many clients."""


async def one_round(
    pretix: Pretix, customers: Customers, clients: int, seconds: float
) -> AsyncIterator[tuple[Sample, float, float | None]]:
    """Holds a second and processor milliseconds a hold, Usher and pretix by turns."""
    for where, step in (("apart", customers.hold_apart), ("together", customers.hold_together)):
        before = processor_seconds(customers.server)
        rate = await customers.rate(step, clients, seconds)
        spent = processor_seconds(customers.server) - before
        yield (USHER, where, clients), rate, 1000 * spent / max(len(customers.latencies), 1)
        if where == "apart":  # its cart is not emptied over this API in one call
            rate, milliseconds = await pretix.over_http(clients, seconds)
            yield (REST, where, clients), rate, milliseconds
        first = 0 if where == "together" else SHARED
        work = pretix.cart_task, clients, first, seconds
        yield (TASK, where, clients), await asyncio.to_thread(*work, contended=where == "together"), None


async def measure(pretix: Pretix, seconds: float, crowds: Sequence[int], rounds: int) -> None:
    rates, costs = defaultdict[Sample, list[float]](list), defaultdict[Sample, list[float]](list)
    print(pretix.versions())
    with tempfile.TemporaryDirectory() as name:
        async with customers_of(Path(name)) as (customers, _):
            for _, clients in itertools.product(range(rounds), crowds):
                async for sample, rate, cost in one_round(pretix, customers, clients, seconds):
                    rates[sample].append(rate)
                    costs[sample] += [] if cost is None else [cost]
    for sample, found in rates.items():
        who, where, clients = sample
        rate, ours = statistics.median(found), statistics.median(rates[USHER, where, clients])
        line = f"{who:32} {where:8} {clients:3} clients {rate:7.1f} holds/s"
        if costs[sample]:
            line += f"  {statistics.median(costs[sample]):7.2f} processor ms a hold"
        print(line + ("" if who == USHER else f"  Usher {ours / rate:.1f} x" if rate else "  none succeeded"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="folder of the installation; made when missing")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=1, help="Usher and pretix by turns; medians are told")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16], help="at once")
    options = parser.parse_args()
    if options.home is None:
        print("pretix is not measured without --home, the folder of its installation")
        return
    pretix = Pretix(options.home.resolve())
    with pretix.running():
        asyncio.run(measure(pretix, options.seconds, options.clients, options.rounds))


if __name__ == "__main__":
    main()

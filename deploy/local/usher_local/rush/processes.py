"""The box office that a rush is driven against: its own folder, its own ports, several processes on one store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from usher_local.stack import HOST, Stack, create_stack, listen
from usher_shared.documents import DocumentStore
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import Unavailable

_READY_SECONDS, _STOP_SECONDS = 60.0, 10.0
FIRESTORE, PROJECT = "USHER_RUSH_FIRESTORE", "USHER_RUSH_PROJECT"
"""Environment of a process whose documents are on Firestore's emulator: its host:port, and the project."""


@dataclass(slots=True)
class BoxOffice:
    """`urls` of its processes; `emulator` is set when its documents are on Firestore."""

    stack: Stack
    urls: list[str]
    emulator: str | None = None
    project: str = ""
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def died(self) -> int:
        return sum(process.returncode is not None for process in self.running)

    @contextlib.asynccontextmanager
    async def stores(self) -> AsyncIterator[tuple[DocumentStore, DocumentStore]]:
        """Its documents and the payment sandbox's, to look at."""
        store, provider = self._open()
        try:
            yield store, provider
        finally:
            await store.close()
            await provider.close()

    def _open(self) -> tuple[DocumentStore, DocumentStore]:
        if self.emulator is None:
            return self.stack.store("tools"), SqliteDocumentStore(self.stack.data / "sandbox_payments.db")
        from usher_shared.documents.firestore import FirestoreDocumentStore  # needs Google's client

        return (
            FirestoreDocumentStore(self.project, "usher-tools", emulator=self.emulator),
            FirestoreDocumentStore(self.project, "usher-sandbox", emulator=self.emulator),
        )


async def _start(
    office: BoxOffice, name: str, command: list[str], listener: socket.socket, more: Mapping[str, str]
) -> None:
    env = {**os.environ, **more, "USHER_HOME": str(office.stack.home), "USHER_LISTEN_FD": str(listener.fileno())}
    with (office.stack.logs / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            env=env,
            pass_fds=(listener.fileno(),),
            stdin=asyncio.subprocess.PIPE,  # closes with us: the process ends too
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    office.running.append(process)


async def _wait_ready(office: BoxOffice) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        for url in office.urls:
            deadline = asyncio.get_running_loop().time() + _READY_SECONDS
            while True:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{url}/health") as response:
                        if response.status == 200:
                            break
                if office.died or asyncio.get_running_loop().time() > deadline:
                    raise Unavailable(f"the box office at {url} did not start; see {office.stack.logs}")
                await asyncio.sleep(0.05)


async def _stop(office: BoxOffice) -> None:
    for process in office.running:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    for process in office.running:
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def running_box_office(
    home: Path, processes: int, settings: Mapping[str, str], emulator: str | None = None
) -> AsyncIterator[BoxOffice]:
    """The tools service as in `usher up`, so many processes of it, and the bus that takes its events.

    Every process has its own port, as behind a load balancer, and all share one store. Raises Unavailable.
    """
    sockets = listen({"tools": 0, "bus": 0})
    counters = [sockets["tools"], *(listen({"tools": 0})["tools"] for _ in range(processes - 1))]
    stack = create_stack(home, sockets)
    office = BoxOffice(
        stack, [f"http://{HOST}:{s.getsockname()[1]}" for s in counters], emulator, f"rush-{secrets.token_hex(6)}"
    )
    more = {**settings, "USHER_LOG_LEVEL": "WARNING"}
    command = ["usher_local.serve", "tools"]
    if emulator is not None:
        more |= {FIRESTORE: emulator, PROJECT: office.project}
        command = ["usher_local.rush.on_firestore"]
    try:
        await _start(office, "bus", ["usher_local.serve", "bus"], sockets["bus"], {"USHER_LOG_LEVEL": "ERROR"})
        for number, counter in enumerate(counters):
            await _start(office, f"tools-{number}", command, counter, more)
        await _wait_ready(office)
        yield office
    finally:
        await _stop(office)
        for listener in (*counters, sockets["bus"]):
            listener.close()

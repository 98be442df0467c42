"""Runs the stack's services as processes of their own: starts, watches, restarts and stops them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import aiohttp

from usher_local.serve import UNUSABLE_SETTINGS
from usher_local.stack import SERVICES, Stack, create_stack, listen
from usher_shared.errors import Conflict, Unavailable

_STOP_SECONDS = 10.0
_STABLE_SECONDS = 10.0
_GIVE_UP_DEATHS = 3

Report = Callable[[str, str], None]
"""Called with (service, what happened): `started`, `ready`, `died (…), restarting`, `stopped`."""


class Supervisor:
    """Owns the listening sockets and one process a service. Use `running_stack`."""

    def __init__(
        self, stack: Stack, sockets: dict[str, socket.socket], report: Report, settings: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._stack = stack
        self._sockets = sockets
        self._report = report
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._deaths = dict.fromkeys(sockets, 0)

    def pid(self, service: str) -> int:
        return self._processes[service].pid

    async def start(self) -> None:
        for service in self._sockets:
            await self._spawn(service)
            self._watchers.append(asyncio.create_task(self._watch(service), name=f"watch-{service}"))

    async def _spawn(self, service: str) -> None:
        descriptor = self._sockets[service].fileno()
        env = {
            **os.environ,
            **self._settings,
            "USHER_HOME": str(self._stack.home),
            "USHER_LISTEN_FD": str(descriptor),
            "PYTHONUNBUFFERED": "1",
        }
        with (self._stack.logs / f"{service}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "usher_local.serve",
                service,
                env=env,
                pass_fds=(descriptor,),
                stdin=asyncio.subprocess.PIPE,  # closes with us: the child's sign to end
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone; we end the children in order
            )
        self._processes[service] = process
        fresh = self._stack.run / f"{service}.pid.new"  # replaced whole: a reader never sees half
        fresh.write_text(str(process.pid))
        fresh.replace(self._stack.run / f"{service}.pid")
        self._report(service, "started")

    async def _watch(self, service: str) -> None:
        wait = 0.2
        while True:
            born = time.monotonic()
            code = await self._processes[service].wait()
            if time.monotonic() - born > _STABLE_SECONDS:
                wait = 0.2
            if code == UNUSABLE_SETTINGS:
                self._deaths[service] = _GIVE_UP_DEATHS
                self._report(service, f"cannot start: {self._end_of_log(service, lines=1)}")
                return
            self._deaths[service] += 1
            self._report(service, f"died ({_describe_exit(code)}), restarting; see {service}.log")
            wait = await self._respawn(service, wait)

    async def _respawn(self, service: str, wait: float) -> float:
        """Start it again after `wait` seconds, as often as it takes; how long to wait the next time."""
        while True:
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)
            try:
                await self._spawn(service)
            except OSError as error:  # disk full, too many files: it may pass
                self._report(service, f"could not be started ({error}); trying again")
            else:
                return wait

    async def wait_ready(self, timeout_seconds: float = 60.0) -> None:
        """Until every service answers /ready with 200; in a part of a stack, /health.

        Raises Unavailable naming the one that did not, and why.
        """
        deadline = time.monotonic() + timeout_seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session:
            await asyncio.gather(*(self._ready(session, service, deadline) for service in self._sockets))

    async def _ready(self, session: aiohttp.ClientSession, service: str, deadline: float) -> None:
        answer = "no answer"
        path = "/ready" if set(SERVICES) <= set(self._sockets) else "/health"
        while time.monotonic() < deadline:
            try:
                async with session.get(self._stack.url(service) + path) as response:
                    answer = await response.text()
                    if response.status == 200:
                        self._report(service, "ready")
                        return
            except (aiohttp.ClientError, TimeoutError) as error:
                answer = repr(error)
            if self._deaths[service] >= _GIVE_UP_DEATHS:
                raise Unavailable(f"{service} dies at start; the end of its log:\n{self._end_of_log(service)}")
            await asyncio.sleep(0.05)
        raise Unavailable(f"{service} is not ready: {answer}; see {self._stack.logs / f'{service}.log'}")

    def _end_of_log(self, service: str, *, lines: int = 5) -> str:
        return "\n".join((self._stack.logs / f"{service}.log").read_text("utf-8", "replace").splitlines()[-lines:])

    async def stop(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        # the door first, the bus last: what the others still have to announce is taken
        for group in (("gateway",), tuple(set(self._processes) - {"gateway", "bus"}), ("bus",)):
            await asyncio.gather(*(self._stop(service) for service in group if service in self._processes))
        for listener in self._sockets.values():
            listener.close()

    async def _stop(self, service: str) -> None:
        process = self._processes[service]
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._report(service, "did not stop in time: killed")
            process.kill()
            await process.wait()
        (self._stack.run / f"{service}.pid").unlink(missing_ok=True)
        self._report(service, "stopped")


def _describe_exit(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def running_supervisor(home: Path) -> int | None:
    """The process id of the supervisor that runs the stack in that folder, if one does.

    Its lock tells, not its pid: a pid outlives a killed machine and may be another program's by then.
    """
    try:
        with (home / "run" / "supervisor.pid").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except FileNotFoundError:
        return None
    return None


class AlreadyRunning(Conflict):
    """Another supervisor runs the stack in this folder."""

    code = "already_running"


@contextlib.contextmanager
def _sole_supervisor(home: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises AlreadyRunning."""
    (home / "run").mkdir(parents=True, exist_ok=True)
    with (home / "run" / "supervisor.pid").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(f"the stack in {home} is already running (pid {file.read()})") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


@contextlib.asynccontextmanager
async def running_stack(
    home: Path, ports: Mapping[str, int], report: Report, settings: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Stack, Supervisor]]:
    """Start these services, yield when every one is ready, stop them at the end.

    `settings` are environment variables of theirs beside those of this process.
    Raises AlreadyRunning, PortTaken, Unavailable.
    """
    with _sole_supervisor(home):
        sockets = listen(ports)
        stack = create_stack(home, sockets)
        supervisor = Supervisor(stack, sockets, report, settings or {})
        try:
            await supervisor.start()
            await supervisor.wait_ready()
            yield stack, supervisor
        finally:
            await supervisor.stop()

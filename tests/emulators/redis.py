"""A Redis server that a test can stop, freeze and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from emulators.starting import START_SECONDS, answers, unavailable
from served import HOST, free_port

IMAGE = "redis:7-bookworm"


class RedisServer:
    """A `redis-server` process that keeps nothing on disk, on a port that stays the same.

    `options` are its own, such as `("--tls-port", "{port}")`; they come last and so win.
    """

    def __init__(self, binary: str, options: Sequence[str] = ()) -> None:
        self._binary = binary
        self._options = options
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self._port}/0"

    def start(self) -> None:
        command = [self._binary, "--port", str(self._port), "--bind", HOST, "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [*command, *(option.format(port=self._port) for option in self._options)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not answers(HOST, self._port):
            assert self._process.poll() is None, "redis-server did not start"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """As a crash: no goodbye, nothing kept."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_process(options: Sequence[str] = ()) -> Iterator[RedisServer]:
    """A server of the test's own, to be stopped at will: from the `redis-server` binary (Debian: redis-server)."""
    binary = shutil.which("redis-server")
    if binary is None:
        unavailable("redis-server", "the program is not installed")
    server = RedisServer(binary, options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a server that tests share: REDIS_URL, the `redis-server` binary or a container."""
    given = os.environ.get("REDIS_URL")
    if given:
        address = urlsplit(given)
        if not answers(address.hostname or HOST, address.port or 6379):
            unavailable("Redis", "nothing listens where REDIS_URL points")
        yield given
        return
    if shutil.which("redis-server"):
        with redis_process() as server:
            yield server.url
        return
    try:
        import docker
        from testcontainers.redis import RedisContainer

        docker.from_env().ping()
    except Exception as error:  # whatever the reason is, it is reported
        unavailable("Redis", f"no redis-server and no container engine ({type(error).__name__}: {error})")
    with RedisContainer(IMAGE) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"

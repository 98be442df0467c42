"""A BigQuery server that the project did not write: bqemulator, REST and the Storage Write API over gRPC."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from emulators.starting import START_SECONDS, answers, unavailable
from served import HOST, free_port
from usher_logger.adapters.bigquery_connection import Emulator

REQUIREMENTS = Path(__file__).parents[2] / "deploy/compose/bigquery-emulator/requirements.txt"
IMAGE = os.environ.get("USHER_BIGQUERY_IMAGE", "usher/bigquery-emulator:dev")
# DuckDB looks for its extensions under HOME and may not download any
_INSTALL_EXTENSION = """
import duckdb, duckdb_extension_spatial, pathlib
for file in pathlib.Path(duckdb_extension_spatial.__path__[0]).rglob("*.duckdb_extension"):
    duckdb.sql(f"INSTALL '{file}'")
"""


class BigQueryServer:
    """An emulator's process that keeps its data in a folder, on ports that stay the same."""

    def __init__(self, environment: Path, data: Path) -> None:
        self._environment = environment
        self._data = data
        self.rest_port, self.grpc_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Emulator:
        return Emulator(rest=f"http://{HOST}:{self.rest_port}", grpc=f"{HOST}:{self.grpc_port}")

    def start(self) -> None:
        command = [str(self._environment / "bin/bqemulator"), "start", "--persistent", "--data-dir", str(self._data)]
        command += ["--rest-port", str(self.rest_port), "--grpc-port", str(self.grpc_port), "--log-level", "error"]
        variables = {**os.environ, "HOME": str(self._environment), "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables
        )
        deadline = time.monotonic() + START_SECONDS
        while not (_ready(self.address) and answers(HOST, self.grpc_port)):
            assert self._process.poll() is None, "bqemulator did not start"
            assert time.monotonic() < deadline, "bqemulator does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """As a crash: what was acknowledged is in the folder."""
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


def _ready(server: Emulator) -> bool:
    try:
        with urllib.request.urlopen(f"{server.rest}/readyz", timeout=1) as answer:  # noqa: S310  our own http: URL
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _environment() -> Path | str:
    """The emulator's own virtual environment, made once for all runs and workers; else why there is none."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "usher-tests"
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / f"bqemulator-{wanted}"
    with (cache / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (place / "made").exists():
            return place
        python = str(place / "bin/python")
        pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [*pip, "--disable-pip-version-check", "--requirement", str(REQUIREMENTS)],
            [python, "-c", _INSTALL_EXTENSION],
        ):
            variables = {**os.environ, "HOME": str(place)} if command[1] == "-c" else None
            done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
            if done.returncode:
                return f"{command[1:4]} failed: {done.stderr.strip()[-300:]}"
        (place / "made").touch()
        return place


@contextmanager
def bigquery_process(data: Path) -> Iterator[BigQueryServer]:
    """A server of the test's own, to be stopped at will."""
    environment = _environment()
    if isinstance(environment, str):
        unavailable("a BigQuery emulator", environment)
    server = BigQueryServer(environment, data)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def bigquery_emulator(data: Path) -> Iterator[Emulator]:
    """A server that tests share: BIGQUERY_EMULATOR_HOST (its REST URL; gRPC is 10 ports above, or at
    BIGQUERY_EMULATOR_GRPC), a process in an environment that pip makes, or a container of IMAGE.
    """
    given = os.environ.get("BIGQUERY_EMULATOR_HOST")
    if given:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        grpc = os.environ.get("BIGQUERY_EMULATOR_GRPC", f"{parts.hostname}:{(parts.port or 9050) + 10}")
        yield Emulator(rest=f"http://{parts.netloc}", grpc=grpc)
        return
    environment = _environment()
    if isinstance(environment, Path):
        with bigquery_process(data) as server:
            yield server.address
        return
    try:
        import docker
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import HttpWaitStrategy

        docker.from_env().images.get(IMAGE)
    except Exception as error:  # whatever the reason is, it is reported
        unavailable("a BigQuery emulator", f"{environment}; no container ({type(error).__name__}: {error})")
    container = DockerContainer(IMAGE).with_exposed_ports(9050, 9060)
    container.waiting_for(HttpWaitStrategy(9050, "/readyz"))
    with container:
        host = container.get_container_host_ip()
        ports = [container.get_exposed_port(port) for port in (9050, 9060)]
        yield Emulator(rest=f"http://{host}:{ports[0]}", grpc=f"{host}:{ports[1]}")

"""Finds and starts servers for tests: a child process on a free port, or a container; else a skip that says why."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from served import HOST

# its helper container, which removes forgotten ones, would be one more image to reach; ours end with their block
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

START_SECONDS = 60.0
EMULATORS_IMAGE = "gcr.io/google.com/cloudsdktool/google-cloud-cli:emulators"


def unavailable(what: str, reason: str) -> NoReturn:
    """Skip the test; fail it where emulators are required (USHER_REQUIRE_EMULATORS=1)."""
    message = f"{what} is not available: {reason}"
    if os.environ.get("USHER_REQUIRE_EMULATORS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@cache
def cloud_sdk() -> Path | None:
    """The installed Google Cloud CLI's folder, None without one or without Java."""
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        return None
    command = [gcloud, "info", "--format=value(installation.sdk_root)"]
    shown = subprocess.run(command, check=False, capture_output=True, text=True)
    root = Path(shown.stdout.strip())
    return root if shown.returncode == 0 and (root / "platform").is_dir() else None


def answers(host: str, port: int) -> bool:
    """Something listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def child(command: Sequence[str], *, port: int, ready: Callable[[], bool] | None = None) -> Iterator[None]:
    """A server as a child process, from when it answers on `port` (and is `ready`) to the end of the block."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (answers(HOST, port) and (ready is None or ready())):
                if process.poll() is not None or time.monotonic() > deadline:
                    output.seek(0)
                    raise AssertionError(f"{command[0]} did not start:\n{output.read().decode()[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def require_engine(what: str) -> None:
    """Returns where containers can be run with the `docker` command; skips else."""
    if shutil.which("docker") is None:
        unavailable(what, "there is no docker command")
    asked = subprocess.run(["docker", "version"], check=False, capture_output=True, text=True)
    if asked.returncode != 0:
        unavailable(what, f"no container engine answers: {asked.stderr.strip()[-200:]}")


@contextmanager
def emulator_in_container(what: str, command: str, port: int) -> Iterator[str]:
    """`host:port` of an emulator of the Google Cloud CLI image; skips where there is no container engine or image."""
    try:
        import docker
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import PortWaitStrategy

        docker.from_env().ping()
    except Exception as error:  # whatever the reason is, it is reported
        unavailable(what, f"no Google Cloud CLI with Java and no container engine ({type(error).__name__}: {error})")
    container = DockerContainer(EMULATORS_IMAGE).with_command(command).with_exposed_ports(port)
    container.waiting_for(PortWaitStrategy(port))
    with container:
        yield f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"

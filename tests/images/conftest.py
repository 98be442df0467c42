"""Images of the working tree, built once a test run, and containers of them."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from emulators.starting import require_engine
from images.containers import Container, docker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips the test where there is no container engine."""
    require_engine("a container engine")


@pytest.fixture(scope="session")
def image(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The id of a service's image. Workers build one after the other: all but the first find every layer cached."""
    lock = tmp_path_factory.getbasetemp().parent / "images.lock"

    @cache
    def build(service: str) -> str:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            command = [sys.executable, "deploy/images/build.py", service]
            env = {**os.environ, "USHER_IMAGE_PREFIX": "usher-test/"}
            done = subprocess.run(command, check=False, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.split()[0]

    return build


@pytest.fixture
def run(image: Callable[[str], str]) -> Iterator[Callable[[str], Container]]:
    started: list[Container] = []

    def start(service: str) -> Container:
        started.append(Container(image(service)))
        return started[-1]

    yield start
    for container in started:
        docker("rm", "--force", container.id)

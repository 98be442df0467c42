"""Model servers in processes of their own: the inference service on a release, and transformers' peers."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.contracts.releases import Release

HOST = "127.0.0.1"
MODEL = "small"


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers; `key` is the bearer it wants."""

    port: int
    key: str
    process: psutil.Process
    seconds: float  # from its start to the first 200 on /ready (ours: the model has answered) or /health

    @property
    def resident(self) -> int:
        """Bytes."""
        return int(self.process.memory_info().rss)

    @property
    def processor(self) -> float:
        """Seconds so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def publish(engine: str, folder: Path, store: Path) -> None:
    """A release of the model in `folder`, alone in the artifact store `store`."""
    shutil.rmtree(store, ignore_errors=True)
    release = Release(version="measured", model=MODEL, engine=engine, created_at=datetime.now(UTC))  # type: ignore[arg-type]
    asyncio.run(Releases(FolderArtifactStore(store)).publish(release, folder))


@contextmanager
def ours(store: Path, settings: Mapping[str, str] = {}) -> Iterator[Server]:
    """`python -m usher_inference`, its Google Cloud root, on releases in a folder."""
    key = "sk-usher-" + secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            "USHER_PROJECT": "nowhere",
            "USHER_SERVICE_URL": "https://usher-{service}.invalid",
            "USHER_LOG_LEVEL": "WARNING",
            "USHER_INFERENCE_RELEASES_FOLDER": str(store),
            "USHER_INFERENCE_RELEASES_CACHE": cache,
            "USHER_INFERENCE_CLIENT_KEYS": f'["{hashlib.sha256(key.encode()).hexdigest()}"]',
            "USHER_INFERENCE_ENGINE_CONTEXT_TOKENS": "1024",
            **settings,
        }
        with _started(["-m", "usher_inference"], environment, key, "/ready") as server:
            yield server


@contextmanager
def peer(kind: str, folder: Path, *options: str) -> Iterator[Server]:
    port = free_port()
    program = [str(Path(__file__).parent / "peers.py"), kind, str(folder), str(port), *options]
    with _started(program, {"PORT": str(port)}, "") as server:
        yield server


@contextmanager
def _started(arguments: list[str], environment: Mapping[str, str], key: str, path: str = "/health") -> Iterator[Server]:
    port = int(environment.get("PORT") or free_port())
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        # torch's threads spin while they wait, unless told not to: on cores that they share that costs them most of
        # their speed. OMP_WAIT_POLICY=active measures the other way
        waiting = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**inherited, **waiting, **environment, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            while not answers(port, path):
                if process.poll() is not None or time.monotonic() - began > 180:
                    said.seek(0)
                    raise SystemExit(f"{' '.join(arguments)} does not start:\n{said.read().decode()[-2000:]}")
                time.sleep(0.02)
            yield Server(port, key, psutil.Process(process.pid), time.monotonic() - began)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(port: int, path: str = "/health") -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (ConnectionError, TimeoutError):
        return False
    finally:
        connection.close()

"""Start-up time and resident memory of each service against a bare FastAPI app on the same uvicorn, in one run.

Embedded services run on an empty stack; the Google Cloud roots find nothing that they depend on. Start-up is from
starting the process to the first 200 on /health, median of the rounds; memory is resident after it.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from usher_local.stack import HOST, SERVICES, create_stack, listen
from usher_shared.cloud import SERVICES as CLOUD_SERVICES

BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (ConnectionError, TimeoutError):
        return False
    finally:
        connection.close()


def _measure(command: list[str], port: int, env: dict[str, str], **popen: object) -> tuple[float, float]:
    """Seconds to the first answer, MiB resident then."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.PIPE, **popen)  # type: ignore[call-overload]  # pass_fds only
    try:
        while not _answers(port):
            if process.poll() is not None:
                raise SystemExit(f"{command} ended with {process.returncode}")
            time.sleep(0.002)
        return time.perf_counter() - started, psutil.Process(process.pid).memory_info().rss / 2**20
    finally:
        process.terminate()
        process.wait(20)


def _bare() -> tuple[float, float]:
    port = _free_port()
    return _measure([sys.executable, "-c", BARE, str(port)], port, {})


def _embedded(service: str, folder: Path) -> tuple[float, float]:
    sockets = listen(dict.fromkeys(SERVICES, 0))
    stack = create_stack(folder, sockets)
    descriptor = sockets[service].fileno()
    env = {"USHER_HOME": str(folder), "USHER_LISTEN_FD": str(descriptor), "USHER_LOG_LEVEL": "ERROR"}
    try:
        command = [sys.executable, "-m", "usher_local.serve", service]
        return _measure(command, stack.ports[service], env, pass_fds=(descriptor,))
    finally:
        for listener in sockets.values():
            listener.close()


def _on_google_cloud(service: str) -> tuple[float, float]:
    port = _free_port()
    env = {
        "PORT": str(port),
        "USHER_HOST": HOST,
        "USHER_PROJECT": "nowhere",
        "USHER_SERVICE_URL": "http://{service}.invalid",
        "USHER_LOG_LEVEL": "ERROR",
        "USHER_GATEWAY_LIMIT_STORAGE": "redis://127.0.0.1:1",
        "USHER_GATEWAY_CACHE_STORAGE": "redis://127.0.0.1:1",
        "GCE_METADATA_HOST": "127.0.0.1:1",  # no metadata server either
    }
    return _measure([sys.executable, "-m", "usher_" + service.replace("-", "_")], port, env)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| service | start-up s | of bare FastAPI | resident MiB | of bare FastAPI |\n|---|---|---|---|---|")
    base_time, base_memory = _medians(_bare() for _ in range(rounds))

    def report(name: str, seconds: float, memory: float) -> None:
        print(f"| {name} | {seconds:.2f} | {seconds / base_time:.1f} | {memory:.0f} | {memory / base_memory:.1f} |")

    report("bare FastAPI", base_time, base_memory)
    with tempfile.TemporaryDirectory() as folder:
        for service in SERVICES:
            report(service, *_medians(_embedded(service, Path(folder) / service) for _ in range(rounds)))
    for service in CLOUD_SERVICES:
        report(f"{service}, Google Cloud", *_medians(_on_google_cloud(service) for _ in range(rounds)))


def _medians(seen: Iterable[tuple[float, float]]) -> tuple[float, float]:
    seconds, memory = zip(*seen, strict=True)
    return statistics.median(seconds), statistics.median(memory)


if __name__ == "__main__":
    main()

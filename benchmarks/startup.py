"""Start-up time and resident memory of each service against a bare FastAPI app on the same uvicorn, in one run.

Embedded services run on an empty stack; the Google Cloud roots find nothing that they depend on. Start-up is from
starting the process to the first 200 on /health; processor time (all threads) and resident memory are taken then.
Everything is measured once a round, the bare app too; medians of the rounds. On a busy machine read processor time.
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
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

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


class Start(NamedTuple):
    """Seconds to the first answer, seconds of processor time until then, MiB resident then."""

    seconds: float
    processor: float
    memory: float


def _measure(command: list[str], port: int, env: dict[str, str], **popen: object) -> Start:
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.PIPE, **popen)  # type: ignore[call-overload]  # pass_fds only
    try:
        while not _answers(port):
            if process.poll() is not None:
                raise SystemExit(f"{command} ended with {process.returncode}")
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        seen = psutil.Process(process.pid)
        times = seen.cpu_times()
        return Start(seconds, times.user + times.system, seen.memory_info().rss / 2**20)
    finally:
        process.terminate()
        process.wait(20)


def _bare() -> Start:
    port = _free_port()
    return _measure([sys.executable, "-c", BARE, str(port)], port, {})


def _embedded(service: str, folder: Path) -> Start:
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


def _on_google_cloud(service: str) -> Start:
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
    command = [sys.executable, "-m", "usher_" + service.replace("-", "_")]
    return _measure(command, port, env, stderr=subprocess.DEVNULL)  # its log: what it cannot reach


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    seen: dict[str, list[Start]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            seen["bare FastAPI"].append(_bare())
            for service in SERVICES:
                seen[service].append(_embedded(service, Path(folder) / f"{service}-{number}"))
            for service in CLOUD_SERVICES:
                seen[f"{service}, Google Cloud"].append(_on_google_cloud(service))
    medians = {name: Start(*map(statistics.median, zip(*starts, strict=True))) for name, starts in seen.items()}
    bare = medians["bare FastAPI"]
    print("| service | start-up s | of bare | processor s | of bare | resident MiB | of bare |")
    print("|---" * 7 + "|")
    for name, start in medians.items():
        cells = (
            f"{value:.{digits}f} | {value / base:.1f}"
            for value, base, digits in zip(start, bare, (2, 2, 0), strict=True)
        )
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

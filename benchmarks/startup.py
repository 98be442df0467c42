"""Start-up time and resident memory of each service against a bare FastAPI app on the same uvicorn, in one run.

Start-up is from starting the process to the first 200 on /health, median of the rounds; memory is resident after it.
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
from pathlib import Path

import psutil

from usher_local.stack import HOST, SERVICES, create_stack, listen

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


def _service(service: str, folder: Path) -> tuple[float, float]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print("| service | start-up s | of bare FastAPI | resident MiB | of bare FastAPI |\n|---|---|---|---|---|")
    bare = [_bare() for _ in range(rounds)]
    base_time, base_memory = (statistics.median(column) for column in zip(*bare, strict=True))
    print(f"| bare FastAPI | {base_time:.2f} | 1.0 | {base_memory:.0f} | 1.0 |")
    with tempfile.TemporaryDirectory() as folder:
        for service in SERVICES:
            seen = [_service(service, Path(folder) / service) for _ in range(rounds)]
            seconds, memory = (statistics.median(column) for column in zip(*seen, strict=True))
            print(
                f"| {service} | {seconds:.2f} | {seconds / base_time:.1f} | {memory:.0f} | {memory / base_memory:.1f} |"
            )


if __name__ == "__main__":
    main()

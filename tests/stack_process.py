"""A whole embedded stack as a child process, for the end-to-end and fault tests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from usher_local.provision import create_api_key
from usher_local.stack import Stack, load_stack

SCOPES = ["chat", "orders", "tools", "act_as_customer", "webhooks", "analytics"]


@dataclass(frozen=True)
class RunningStack:
    stack: Stack
    process: subprocess.Popen[str]
    api_key: str

    @property
    def url(self) -> str:
        return self.stack.url("gateway")

    def pid(self, service: str) -> int:
        return int((self.stack.run / f"{service}.pid").read_text())

    def kill(self, service: str) -> int:
        """SIGKILL; the pid that is gone. The supervisor starts another."""
        pid = self.pid(service)
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, service: str, old_pid: int, timeout_seconds: float = 40.0) -> None:
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if self.pid(service) != old_pid and self._ready(service):
                return
            time.sleep(0.1)
        raise AssertionError(f"{service} did not come back")

    def wait_drained(self, timeout_seconds: float = 40.0) -> None:
        """Until the bus has nothing left to deliver."""
        token = asyncio.run(self.stack.tokens("cli").token("bus"))
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.stack.url("bus") + "/backlog", headers=headers)  # noqa: S310  our own URL
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  our own URL
                if not any(entry["pending"] for entry in json.load(answer)["subscriptions"]):
                    return
            time.sleep(0.1)
        raise AssertionError("events are still waiting")

    def charges(self, confirmation_id: str) -> list[int]:
        """What the sandbox provider charged under that confirmation, minor units, across all its records."""
        with sqlite3.connect(self.stack.data / "sandbox_payments.db") as connection:
            rows = connection.execute("SELECT id, data FROM sandbox_charges").fetchall()
        found = [json.loads(data) for id, data in rows if confirmation_id in id]
        return [charge["amount_minor"] for charge in found if charge["outcome"] == "captured"]

    def _ready(self, service: str) -> bool:
        try:
            with urllib.request.urlopen(self.stack.url(service) + "/ready", timeout=3) as answer:  # noqa: S310  our own URL
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False


@dataclass(frozen=True)
class Target:
    """The stack that the end-to-end tests talk to; `running` is None when it was not started here."""

    url: str
    api_key: str
    running: RunningStack | None


def start_stack(home: Path, env: dict[str, str] | None = None) -> RunningStack:
    """`usher up` in `home` on free ports, ready and seeded, with an API key of high rate."""
    command = [str(Path(sys.executable).with_name("usher")), "up", "--home", str(home), "--port", "0"]
    full_env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
    process = subprocess.Popen(
        command, env=full_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "Ctrl-C" in line:
            break
    else:
        raise AssertionError("the stack did not start:\n" + "".join(seen))
    stack = load_stack(home)
    key = asyncio.run(create_api_key(stack, "tests", SCOPES, 100_000))["api_key"]
    return RunningStack(stack, process, key)


def stop_stack(running: RunningStack) -> None:
    running.process.send_signal(signal.SIGINT)
    try:
        running.process.wait(30)
    except subprocess.TimeoutExpired:
        running.process.kill()
        raise

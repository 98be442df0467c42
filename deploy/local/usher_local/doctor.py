"""`usher doctor`: what is running, in which versions, what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from usher_local.stack import SERVICES, Stack, load_stack
from usher_local.supervisor import running_supervisor


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `remedy` says what to do when `ok` is false."""

    subject: str
    ok: bool
    detail: str
    remedy: str = ""


async def examine(home: Path) -> list[Finding]:
    """Everything there is to say about the stack in that folder."""
    findings = [
        Finding("python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer"),
        Finding("usher", True, f"{version('usher-local')}, SQLite {sqlite3.sqlite_version}"),
    ]
    if not (home / "stack.json").exists():
        return [*findings, Finding("stack", False, f"none in {home}", "start one: usher up")]
    open_to_others = _is_open(home)
    findings.append(
        Finding(
            "data",
            not open_to_others,
            f"{home}, {'readable by others' if open_to_others else 'private'}",
            f"chmod 700 {home}",
        )
    )
    free = psutil.disk_usage(str(home)).free
    findings.append(Finding("disk", free > 200 << 20, f"{free >> 20} MiB free", "free some space"))
    pid = running_supervisor(home)
    findings.append(
        Finding("supervisor", pid is not None, f"pid {pid}" if pid else "not running", "start the stack: usher up")
    )
    stack = load_stack(home)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as session:
        findings += await asyncio.gather(*(_examine_service(session, stack, service) for service in SERVICES))
    if pid is not None:
        findings.append(await _examine_backlog(stack))
    return findings


def _is_open(home: Path) -> bool:
    return bool(home.stat().st_mode & 0o077)


def _process(stack: Stack, service: str) -> str:
    try:
        process = psutil.Process(int((stack.run / f"{service}.pid").read_text()))
        return f"pid {process.pid}, {process.memory_info().rss >> 20} MiB"
    except (FileNotFoundError, ValueError, psutil.Error):
        return "no process"


async def _examine_service(session: aiohttp.ClientSession, stack: Stack, service: str) -> Finding:
    where = f"{stack.url(service)}, {_process(stack, service)}"
    remedy = f"see {stack.logs / f'{service}.log'}"
    try:
        async with session.get(stack.url(service) + "/ready") as response:
            answer: dict[str, Any] = await response.json()
            ready = response.status == 200
        async with session.get(stack.url(service) + "/health") as response:
            running = str((await response.json()).get("version"))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Finding(service, False, f"{where}: does not answer ({type(error).__name__})", remedy)
    if ready:
        lacking = [f"{name} {result}" for name, result in answer["checks"].items() if result != "ok"]
        return Finding(service, True, "; ".join([f"{where}, version {running}", *lacking]))
    broken = ", ".join(f"{name}: {result}" for name, result in answer["checks"].items() if result != "ok")
    return Finding(service, False, f"{where}: {broken}", remedy)


async def _examine_backlog(stack: Stack) -> Finding:
    try:
        async with stack.client("cli", "bus", timeout_seconds=4) as client:
            backlog: dict[str, Any] = await client.call("GET", "/backlog")
    except Exception as error:  # whatever it is, it is the finding
        return Finding("events", False, f"the bus does not say: {error}", f"see {stack.logs / 'bus.log'}")
    late = [b for b in backlog["subscriptions"] if b["oldest_age_seconds"] and b["oldest_age_seconds"] > 60]
    pending = sum(b["pending"] for b in backlog["subscriptions"])
    dead = sum(b["dead_letters"] for b in backlog["subscriptions"])
    if dead:
        remedy = (
            f'TOKEN=$(usher service-token bus); curl -H "Authorization: Bearer $TOKEN" {stack.url("bus")}/dead-letters'
        )
        return Finding(
            "events", False, f"{dead} dead letters: events that a service refused", f"read, mend, redrive: {remedy}"
        )
    detail = f"{pending} waiting" + "".join(
        f"; {b['subscription']} is {b['oldest_age_seconds']:.0f} s behind" for b in late
    )
    return Finding("events", not late, detail, "see the log of the service that is behind")


def colour() -> bool:
    """Whether to colour the report: not when NO_COLOR is set (no-color.org) or it goes to a file."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ

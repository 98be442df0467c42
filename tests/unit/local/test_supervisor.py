"""The supervisor: one per folder, private data, services that come back, nobody orphaned."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from usher_local.doctor import examine
from usher_local.stack import PortTaken, listen
from usher_local.supervisor import AlreadyRunning, running_stack, running_supervisor

PART = {"bus": 0, "inference": 0}


def _quiet(service: str, what: str) -> None:
    """Reports are not what these tests look at."""


async def test_a_second_supervisor_is_refused_and_a_stale_pid_is_no_supervisor(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/supervisor.pid").write_text("1")  # a pid that lives, and is not ours
    assert running_supervisor(tmp_path) is None
    async with running_stack(tmp_path, PART, _quiet):
        assert running_supervisor(tmp_path) == os.getpid()
        with pytest.raises(AlreadyRunning):
            async with running_stack(tmp_path, PART, _quiet):
                pass
    assert running_supervisor(tmp_path) is None


async def test_a_killed_service_comes_back_on_its_port_and_the_data_is_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    died = asyncio.Event()
    seen: list[tuple[str, str]] = []

    def report(service: str, what: str) -> None:
        seen.append((service, what))
        if died.is_set() and (service, what) == ("inference", "started"):
            back.set()
        if "died" in what:
            died.set()

    back = asyncio.Event()
    async with running_stack(home, PART, report) as (stack, supervisor):
        assert home.stat().st_mode & 0o077 == 0
        before = supervisor.pid("inference")
        os.kill(before, signal.SIGKILL)
        await asyncio.wait_for(back.wait(), 30)
        await supervisor.wait_ready()
        assert supervisor.pid("inference") != before
        assert int((stack.run / "inference.pid").read_text()) == supervisor.pid("inference")
        pids = [supervisor.pid(service) for service in PART]
    assert any("SIGKILL" in what for _, what in seen)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    sockets = listen({"gateway": 0})
    port = sockets["gateway"].getsockname()[1]
    try:
        with pytest.raises(PortTaken, match=f"port {port} "):
            listen({"gateway": port})
    finally:
        sockets["gateway"].close()


async def test_the_doctor_says_what_is_wrong_without_a_stack(tmp_path: Path) -> None:
    findings = {finding.subject: finding for finding in await examine(tmp_path)}
    assert not findings["stack"].ok
    assert "usher up" in findings["stack"].remedy

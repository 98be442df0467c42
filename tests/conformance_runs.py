"""Running the conformance suite from a test: in a thread, with a clock that it moves instead of waiting."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

from usher_evals.conformance.__main__ import examine
from usher_evals.conformance.checking import Finding
from usher_evals.conformance.server import Server
from usher_shared.clock import ManualClock


def waiting(*clocks: ManualClock) -> Callable[[float], None]:
    """Time passes at all of the clocks at once."""

    def wait(seconds: float) -> None:
        for clock in clocks:
            clock.advance(timedelta(seconds=seconds))

    return wait


async def conformance(
    url: str, key: str, wait: Callable[[float], None], *, only: Sequence[str] = (), event_id: str | None = None
) -> dict[str, Finding]:
    """The findings by the checks' names."""
    run = f"test-{secrets.token_hex(4)}"
    server = Server(url, key, run=run, wait=wait, patience=10_000, event_id=event_id)
    findings = await asyncio.to_thread(lambda: list(examine(server, only)))
    return {finding.name: finding for finding in findings}


def failures(findings: dict[str, Finding]) -> list[str]:
    """Each failure with what was expected and what came."""
    return [f"{f.name}: expected {f.expected}; came {f.came}" for f in findings.values() if f.outcome == "fail"]

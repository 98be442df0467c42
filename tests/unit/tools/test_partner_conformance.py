"""The conformance suite passes against our own box office, alone and behind another one."""

from __future__ import annotations

from typing import Any

from conformance_runs import conformance, failures, waiting
from served import Served, free_port
from usher_shared.http.tokens import LocalTokenSource

_SECRET = "a-secret-of-the-tests-that-is-long-enough"


async def test_our_own_service_keeps_the_contract(office: Any) -> None:
    server = Served(lambda: office.app, free_port(), lifespan=False)
    await server.start()
    try:
        key = await LocalTokenSource("agent", _SECRET).token("tools")
        findings = await conformance(server.url, key, waiting(office.clock))
    finally:
        await server.stop()
    assert failures(findings) == []
    assert {name: f.reason for name, f in findings.items() if f.outcome == "skip"} == {}

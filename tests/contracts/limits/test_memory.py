"""The RequestCounter contract in this process."""

from __future__ import annotations

import time

import pytest

from contracts.limits.suite import Bench, RequestCounterSuite
from usher_gateway.adapters.counters import WindowCounter


class TestMemoryCounter(RequestCounterSuite):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> Bench:
        now = [1_800_000_010.0]  # its windows are those of the clock: keep away from a border
        monkeypatch.setattr(time, "time", lambda: now[0])

        async def age(seconds: float) -> None:
            now[0] += seconds

        return Bench(lambda: WindowCounter("memory://"), age)

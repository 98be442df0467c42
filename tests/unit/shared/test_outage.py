"""Leaving a failing system alone: who tries it, and what the log says."""

from __future__ import annotations

import pytest

from usher_shared.outage import Outage


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_caller_tries_for_all_once_in_the_time(caplog: pytest.LogCaptureFixture) -> None:
    seconds = Seconds()
    outage = Outage("it is lost", "it is back", 5.0, failures=3, now=seconds)
    with caplog.at_level("INFO"):
        for _ in range(2):
            outage.note_failure(ConnectionError())
            assert not outage.holds()
        outage.note_failure(ConnectionError())
        assert [outage.holds() for _ in range(3)] == [True] * 3
        seconds.now = 4.9
        assert outage.holds()
        seconds.now = 5.0
        assert [outage.holds() for _ in range(3)] == [False, True, True]
        outage.note_failure(ConnectionError())
        seconds.now = 9.9
        assert outage.holds()
        seconds.now = 10.1
        assert not outage.holds()
        outage.note_success()
        assert [outage.holds() for _ in range(3)] == [False] * 3
    assert [record.message for record in caplog.records] == ["it is lost", "it is back"]


def test_a_caller_that_tries_and_vanishes_blocks_nobody_for_ever() -> None:
    seconds = Seconds()
    outage = Outage("lost", "back", 5.0, now=seconds)
    outage.note_failure(ConnectionError())
    for round in range(1, 4):  # each trier is cancelled: it reports neither
        seconds.now = round * 5.0
        assert [outage.holds(), outage.holds()] == [False, True]


def test_failures_count_in_a_row_only() -> None:
    outage = Outage("lost", "back", 5.0, failures=2, now=Seconds())
    for _ in range(5):
        outage.note_failure(ConnectionError())
        outage.note_success()
    assert not outage.holds()

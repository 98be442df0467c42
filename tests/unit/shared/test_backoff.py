"""Pauses grow, stay random and stay bounded."""

from __future__ import annotations

from usher_shared.documents.backoff import pause_seconds


def test_pauses_are_spread_below_a_bound_that_doubles_up_to_the_most() -> None:
    for failures, bound in ((1, 0.1), (2, 0.2), (3, 0.4), (4, 0.5), (5, 0.5), (5000, 0.5)):
        pauses = [pause_seconds(failures, first=0.1, most=0.5) for _ in range(400)]
        assert all(0 <= pause <= bound for pause in pauses)
        assert min(pauses) < bound * 0.25 < bound * 0.75 < max(pauses)

"""What to do while a system that others can answer without is down: leave it alone, and say so once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class Outage:
    """After `failures` in a row the system is left alone for `retry_seconds`, then one caller tries it for all.

    `lost` and `back` are what the log says when the system fails and when it answers again: once each.
    """

    def __init__(
        self,
        lost: str,
        back: str,
        retry_seconds: float,
        *,
        failures: int = 1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lost = lost
        self._back = back
        self._retry_seconds = retry_seconds
        self._limit = failures
        self._now = now
        self._failures = 0
        self._until: float | None = None  # None while the system is well

    def holds(self) -> bool:
        """Whether this caller does without the system."""
        if self._until is None:
            return False
        now = self._now()
        if now < self._until:
            return True
        self._until = now + self._retry_seconds  # this caller alone tries
        return False

    def note_failure(self, error: Exception, *, leave_seconds: float | None = None) -> None:
        """`leave_seconds`: the system itself asks to be left alone for that long, from this failure on."""
        self._failures += 1
        if leave_seconds is None and self._failures < self._limit:
            return
        if self._until is None:
            _LOG.error(self._lost, extra={"error": str(error)})
        self._until = self._now() + (self._retry_seconds if leave_seconds is None else leave_seconds)

    def note_success(self) -> None:
        self._failures = 0
        if self._until is not None:
            _LOG.info(self._back)
            self._until = None

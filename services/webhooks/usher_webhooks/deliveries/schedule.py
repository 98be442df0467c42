"""What follows an attempt: done, another one later, or the end."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from usher_webhooks.deliveries.model import Answer

GONE = 410


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`waits` in seconds before each retry; `jitter` spreads them by that fraction both ways."""

    waits: tuple[float, ...]
    jitter: float
    max_retry_after_seconds: float

    def next_wait(self, tries: int, answer: Answer, rng: random.Random) -> timedelta | None:
        """How long to wait after the `tries`-th attempt failed with that answer; None to give up.

        A Retry-After only ever lengthens the wait, within its bound.
        """
        if answer.status == GONE or tries > len(self.waits):
            return None
        wait = self.waits[tries - 1] * (1 + self.jitter * rng.uniform(-1, 1))
        if answer.retry_after_seconds is not None:
            wait = max(wait, min(answer.retry_after_seconds, self.max_retry_after_seconds))
        return timedelta(seconds=wait)

"""A row of the table `events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event. `data` is JSON text; `received_at` is when the logger got it."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str | None
    data: str
    received_at: datetime

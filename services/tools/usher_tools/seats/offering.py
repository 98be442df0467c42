"""Which seats were just shown to whom, so that a crowd asking at once is not shown the same ones.

A courtesy of one process, kept in memory: it saves conflicts, and no invariant rests on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

_KEEP = timedelta(seconds=20)  # about as long as it takes to hold what was shown
_PARTY = 12  # a longer list is browsing


class RecentOffers:
    def __init__(self) -> None:
        self._shown: dict[str, dict[str, tuple[str, datetime]]] = {}

    def shown_to_others(self, event_id: str, customer_id: str, now: datetime) -> frozenset[str]:
        """Ids of the seats that other customers were shown a moment ago."""
        shown = self._shown.get(event_id)
        if not shown:
            return frozenset()
        for seat_id in [id for id, (_, until) in shown.items() if until <= now]:
            del shown[seat_id]
        return frozenset(id for id, (whom, _) in shown.items() if whom != customer_id)

    def show(self, event_id: str, customer_id: str, seat_ids: Iterable[str], now: datetime) -> None:
        seats = list(seat_ids)
        if customer_id and len(seats) <= _PARTY:
            self._shown.setdefault(event_id, {}).update(dict.fromkeys(seats, (customer_id, now + _KEEP)))

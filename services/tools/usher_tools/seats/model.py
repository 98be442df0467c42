"""Holds as they are stored, and seats as they are offered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import Field

from usher_shared.clock import from_timestamp
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import SeatOffer
from usher_tools.events.model import Stored
from usher_tools.seats.layout import Seat

LIVE = frozenset({"held", "paying"})


class StoredHold(Stored):
    """Collection `holds`. `status`: held, paying (a payment is under way), released, sold."""

    id: str
    customer_id: str
    event_id: str
    seat_ids: list[str]
    status: str
    held_since: str = Field(description="when this customer first held one of these seats without a gap")
    expires_at: str
    created_at: str
    purge_at: str

    def is_live(self, now: str) -> bool:
        return self.status in LIVE and self.expires_at > now

    @property
    def end(self) -> datetime:
        return from_timestamp(self.expires_at)


def offer(seat: Seat, price_minor: int, currency: str) -> SeatOffer:
    return SeatOffer(
        id=seat.id,
        price=to_major(price_minor, currency),
        section=seat.section,
        row=seat.row,
        number=seat.number,
        accessible=seat.accessible,
        general_admission=seat.general_admission,
    )


def offers(seats: Iterable[Seat], prices: Mapping[str, int], currency: str) -> list[SeatOffer]:
    """`prices` in minor units by section."""
    return [offer(seat, prices[seat.section], currency) for seat in seats]

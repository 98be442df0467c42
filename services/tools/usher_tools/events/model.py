"""Events on sale as they are stored, and their times as a person reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from usher_shared.clock import from_timestamp
from usher_shared.contracts.money import chargeable
from usher_tools.policies.model import Policy
from usher_tools.seats.layout import Layout, Row, Seat, Section, blocked_seats


class Stored(BaseModel):
    """Base of what is kept as a document."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Venue(Stored):
    """Collection `venues`."""

    id: str
    name: str
    city: str
    city_aliases: list[str] = Field(default_factory=list)
    address: str
    time_zone: str
    tax_id: str | None = None
    facts: dict[str, str] = Field(default_factory=dict)


class SectionOnSale(Stored):
    """A section with a price; counts are of seats that are not blocked."""

    id: str
    name: str
    rank: int
    price_minor: int
    capacity: int
    accessible_capacity: int
    general_admission: bool = False


class Tax(Stored):
    """A tax on each ticket of an event; an `included` one is within the prices and fees already."""

    name: str
    percent: float
    included: bool
    on: Literal["price", "price_and_fees"]


class TicketedEvent(Stored):
    """Collection `ticketed_events`: one event without its seats, small enough to read by the hundred."""

    id: str
    name: str
    category: str
    performers: list[str]
    description: str
    venue: Venue
    starts_at: str = Field(description="UTC timestamp")
    sales_hours_after_start: float = 0.0
    status: str = Field(description="on_sale or cancelled")
    cancelled_at: str | None = Field(default=None, description="by an operator, for good: no import undoes it")
    currency: str
    sections: list[SectionOnSale]
    fee_per_ticket_minor: int
    fee_percent: float
    taxes: list[Tax] = Field(default_factory=list)
    refund: Policy | None
    exchange: Policy | None = None
    credit: Policy | None = None
    upgrade: Policy | None
    in_game_upgrade: Policy | None = None
    policies: dict[str, str] = Field(description="topic to text for a customer")
    layout_id: str
    blocked: tuple[str, ...]

    @property
    def start(self) -> datetime:
        return from_timestamp(self.starts_at)

    @property
    def local_start(self) -> datetime:
        return self.start.astimezone(ZoneInfo(self.venue.time_zone))

    @property
    def prices(self) -> dict[str, int]:
        return {section.id: section.price_minor for section in self.sections}

    def fee_minor(self, price_minor: int) -> int:
        """The fees on one ticket of that price, minor units; an amount that can be charged."""
        share = Decimal(price_minor) * Decimal(str(self.fee_percent)) / 100
        return chargeable(self.fee_per_ticket_minor + share, self.currency)

    def section_name(self, id: str) -> str:
        return next((section.name for section in self.sections if section.id == id), id)

    def is_past(self, now: datetime) -> bool:
        """Whether sales have ended: at the start, or so long after it as the catalogue says."""
        return self.start + timedelta(hours=self.sales_hours_after_start) <= now

    def at_venue(self, moment: datetime) -> str:
        """The moment for a person, by the venue's clocks."""
        return person_time(moment.astimezone(ZoneInfo(self.venue.time_zone)))


def person_time(moment: datetime) -> str:
    """`Fri 20 Nov 2026, 19:30`, in the moment's own zone."""
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}"


class Seating:
    """What of a layout one event sells."""

    def __init__(self, layout: Layout, blocked: tuple[str, ...], sections: frozenset[str]) -> None:
        self.layout = layout
        self.blocked = blocked_seats(layout, blocked)
        self._sections = sections

    def is_blocked(self, seat: Seat) -> bool:
        return seat.position in self.blocked.get(seat.key, frozenset())

    def find(self, seat_id: str) -> Seat | None:
        """The seat, if this event sells it."""
        seat = self.layout.find(seat_id)
        return None if seat is None or seat.section not in self._sections or self.is_blocked(seat) else seat

    def rows(self) -> list[tuple[Row, int]]:
        """The rows of seats on sale with their section's rank; not the shards of general admission."""
        return [
            (row, s.rank)
            for s in self.layout.sections
            if s.id in self._sections and not s.general_admission
            for row in s.rows
        ]

    @cached_property
    def general(self) -> dict[str, Section]:
        """The general-admission sections on sale, by id."""
        return {s.id: s for s in self.layout.sections if s.id in self._sections and s.general_admission}

    def count(self, section: str) -> tuple[int, int]:
        """Seats on sale in the section, and how many of them are for wheelchair users."""
        seats = accessible = 0
        for row in next((s.rows for s in self.layout.sections if s.id == section), ()):
            blocked = self.blocked.get(row.key, frozenset())
            seats += len(row.numbers) - len(blocked)
            accessible += len(row.accessible - blocked)
        return seats, accessible


@lru_cache(maxsize=256)
def seating_of(layout: Layout, blocked: tuple[str, ...], sections: frozenset[str]) -> Seating:
    return Seating(layout, blocked, sections)

"""The catalogue document: venues with their seats, and events with prices and policies.

Unknown fields are refused, so that a misspelt one is found. `catalogue.schema.json` beside this file is derived
from these models; docs/guides/catalogue.md explains them with an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    StringConstraints,
    field_validator,
    model_validator,
)

from usher_tools.seats.shards import MAX_CAPACITY

MAX_SEATS_PER_ROW = 400
MAX_SEATS_PER_VENUE = 120_000

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:]([A-Za-z0-9._:-]{0,99})$")]
# a part of a seat's id, which joins three of them with "-"
SeatPart = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,16}$")]
# the same, which may be written as a number
SeatLabel = Annotated[
    SeatPart,
    BeforeValidator(
        lambda value: str(value) if type(value) is int else value, json_schema_input_type=SeatPart | NonNegativeInt
    ),
]
Text = Annotated[str, StringConstraints(max_length=4000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class NumberRange(Entry):
    """Seat numbers `from` to `to`, both included; `step` 2 numbers a row by odd or even numbers."""

    first: int = Field(alias="from", ge=0, le=9999)
    last: int = Field(alias="to", ge=0, le=9999)
    step: int = Field(default=1, ge=1, le=10)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("`to` is before `from`")
        return self

    def numbers(self) -> list[str]:
        return [str(number) for number in range(self.first, self.last + 1, self.step)]


def _row_names(first: str, last: str) -> list[str]:
    if first.isdecimal() and last.isdecimal():
        names = [str(number) for number in range(int(first), int(last) + 1)]
    elif len(first) == len(last) == 1 and first.isalpha() and last.isalpha() and first.isupper() == last.isupper():
        names = [chr(code) for code in range(ord(first), ord(last) + 1)]
    else:
        raise ValueError("`from` and `to` are two numbers or two letters of one case")
    if not names:
        raise ValueError("`to` is before `from`")
    return names


class RowsEntry(Entry):
    """Rows of equal shape, front to back: `names`, or `from` and `to` (numbers or letters)."""

    names: list[SeatLabel] | None = Field(default=None, min_length=1, max_length=500)
    first: SeatLabel | None = Field(default=None, alias="from")
    last: SeatLabel | None = Field(default=None, alias="to")
    seats: Annotated[int, Field(ge=1, le=MAX_SEATS_PER_ROW)] | NumberRange | list[SeatLabel] = Field(
        description="how many (numbered from 1), a range, or the numbers in the order in which the seats stand"
    )
    accessible: list[SeatLabel] = Field(default_factory=list, description="wheelchair seats in each of these rows")
    focal: SeatLabel | None = Field(default=None, description="the seat with the best view; the middle when absent")

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        if (self.names is None) == (self.first is None or self.last is None):
            raise ValueError("give either `names`, or `from` and `to`")
        numbers = self.numbers()
        if not 0 < len(numbers) <= MAX_SEATS_PER_ROW:
            raise ValueError(f"a row has 1 to {MAX_SEATS_PER_ROW} seats")
        if len(set(numbers)) < len(numbers):
            raise ValueError("a seat number occurs twice in the row")
        for number in (*self.accessible, *([self.focal] if self.focal else [])):
            if number not in numbers:
                raise ValueError(f"seat {number} is not in the row")
        if len(self.row_names()) > 500:
            raise ValueError("more than 500 rows")
        return self

    def row_names(self) -> list[str]:
        return self.names if self.names is not None else _row_names(self.first or "", self.last or "")

    def numbers(self) -> list[str]:
        if isinstance(self.seats, int):
            return [str(number) for number in range(1, self.seats + 1)]
        return self.seats.numbers() if isinstance(self.seats, NumberRange) else self.seats


class SectionEntry(Entry):
    """Numbered seats (`rows`), or places without seats: general admission (`capacity`)."""

    id: SeatPart
    name: Name
    rank: int | None = Field(default=None, ge=1, le=10_000, description="1 is best; the order of listing when absent")
    rows: list[RowsEntry] = Field(default_factory=list, max_length=500)
    capacity: int | None = Field(
        default=None, ge=1, le=MAX_CAPACITY, description="general admission: how many people, instead of `rows`"
    )
    accessible: int = Field(
        default=0, ge=0, le=MAX_CAPACITY, description="how many of the capacity are kept for wheelchair users"
    )

    @property
    def seats(self) -> int:
        """How many are sold at most."""
        return self.capacity or sum(len(e.row_names()) * len(e.numbers()) for e in self.rows)

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if bool(self.rows) == (self.capacity is not None):
            raise ValueError("give either `rows`, or `capacity` for general admission")
        if self.accessible > (self.capacity or 0):
            raise ValueError("`accessible` is a part of `capacity`; rows name their wheelchair seats")
        return self

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [name for entry in self.rows for name in entry.row_names()]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise ValueError(f"row {min(doubled)} occurs twice")
        return self


class VenueEntry(Entry):
    id: Identifier
    name: Name
    city: Name
    city_aliases: list[Name] = Field(default_factory=list, max_length=20, description="other names, abbreviations")
    address: Name
    time_zone: str = Field(description="IANA name, such as America/Chicago")
    tax_id: Name | None = Field(default=None, description="the seller's tax number, for receipts")
    facts: dict[str, Text] = Field(default_factory=dict, description="parking, bags, doors, accessibility, food …")
    sections: list[SectionEntry] = Field(min_length=1, max_length=500)

    @field_validator("time_zone")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no IANA time zone") from error
        return value

    @model_validator(mode="after")
    def _check_sections(self) -> Self:
        ids = [section.id for section in self.sections]
        doubled = {id for id in ids if ids.count(id) > 1}
        if doubled:
            raise ValueError(f"section {min(doubled)} occurs twice")
        seats = sum(section.seats for section in self.sections)
        if seats > MAX_SEATS_PER_VENUE:
            raise ValueError(f"{seats} seats; a venue has at most {MAX_SEATS_PER_VENUE}")
        return self


class FeesEntry(Entry):
    per_ticket: Price = 0.0
    percent: Percent = 0.0


class TaxEntry(Entry):
    """A tax on each ticket."""

    name: Name = Field(description="as the receipt names it: VAT, sales tax, amusement tax …")
    percent: Percent
    included: bool = Field(default=False, description="within the prices and fees already, else added to them")
    on: Literal["price", "price_and_fees"] = "price"


_Window = Annotated[float, Field(ge=-240, le=10_000, description="before the start; negative is after it")]


class RefundEntry(Entry):
    """Refunds until so many hours before the start, less `fee_percent` of the price."""

    until_hours_before: _Window
    fee_percent: Percent = 0.0
    fees_refundable: bool = Field(default=False, description="whether service fees are given back too")
    text: Text | None = Field(default=None, description="for the customer; written from the figures when absent")


class ExchangeEntry(RefundEntry):
    """Exchanges for other seats, of this event or another one; the fee is kept of what the old tickets count for."""

    fees_refundable: bool = Field(default=True, description="whether service fees count too")


class CreditEntry(RefundEntry):
    """Tickets given back for store credit on the customer's account."""

    fees_refundable: bool = Field(default=True, description="whether service fees are credited too")


class UpgradeEntry(Entry):
    until_hours_before: float = Field(
        default=0, ge=-12, le=10_000, description="before the start; negative is after it: upgrades during the event"
    )
    text: Text | None = None


class InGameUpgradeEntry(Entry):
    """Upgrades from the start on, apart from those before it."""

    until_hours_after_start: float = Field(ge=0, le=12)
    text: Text | None = None


class PoliciesEntry(Entry):
    """What is absent is not offered. Exchange and credit as a text: told to the customer, done by people.

    Other topics are texts.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    __pydantic_extra__: dict[str, Text]

    refund: RefundEntry | None = None
    exchange: ExchangeEntry | Text | None = None
    credit: CreditEntry | Text | None = None
    upgrade: UpgradeEntry | None = None
    in_game_upgrade: InGameUpgradeEntry | None = None


class EventEntry(Entry):
    id: Identifier
    name: Name
    category: Name = Field(description="one lower-case word, such as sports, concert, theatre, comedy, family")
    performers: list[Name] = Field(default_factory=list, max_length=100)
    description: Text = ""
    venue: Identifier
    starts_at: datetime = Field(description="local time at the venue, without offset: 2026-11-20T19:30")
    sales_end_hours_after_start: float = Field(default=0, ge=0, le=12, description="0: sales end at the start")
    status: Literal["on_sale", "cancelled"] = "on_sale"
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")
    prices: dict[SeatPart, Price] = Field(min_length=1, description="by section; one without a price is not sold")
    fees: FeesEntry = Field(default_factory=FeesEntry)
    taxes: list[TaxEntry] = Field(default_factory=list, max_length=10)
    policies: PoliciesEntry = Field(default_factory=PoliciesEntry)
    blocked: list[str] = Field(
        default_factory=list,
        max_length=5000,
        description="not for sale: `A`, `A-5`, `A-5-12`, `A-5-12..18`; of general admission `F` or `F-GA-1..200`",
    )

    @field_validator("starts_at")
    @classmethod
    def _check_local(cls, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise ValueError("local time at the venue, without an offset")
        return value


class Catalogue(Entry):
    """One import: venues and events. Events may name venues of earlier imports."""

    venues: list[VenueEntry] = Field(default_factory=list, max_length=1000)
    events: list[EventEntry] = Field(default_factory=list, max_length=10_000)


def doubled_ids(catalogue: Catalogue) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Path and message for every id that occurs twice."""
    kinds = {"venues": [v.id for v in catalogue.venues], "events": [e.id for e in catalogue.events]}
    for kind, ids in kinds.items():
        seen: set[str] = set()
        for index, id in enumerate(ids):
            if id in seen:
                yield (kind, index, "id"), f"{id} occurs twice"
            seen.add(id)

"""Turning catalogue entries into what is stored, and finding what their models cannot see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from usher_shared.clock import to_timestamp
from usher_shared.contracts.money import chargeable_step, exponent, to_major, to_minor
from usher_tools.catalogue.model import (
    Catalogue,
    EventEntry,
    SectionEntry,
    VenueEntry,
    doubled_ids,
)
from usher_tools.catalogue.policies import read_policies
from usher_tools.events.model import Seating, SectionOnSale, Tax, TicketedEvent, Venue
from usher_tools.seats.layout import Layout, Row, Section, general_section, layout_document, parse_layout

Path = tuple[str | int, ...]


def path_text(path: Path) -> str:
    """`$.events[3].prices.A`."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _section(entry: SectionEntry, place: int) -> Section:
    if entry.capacity is not None:
        return general_section(entry.id, entry.name, entry.rank or place, entry.capacity, entry.accessible)
    rows: list[Row] = []
    for group in entry.rows:
        numbers = tuple(group.numbers())
        focal = float(numbers.index(group.focal)) if group.focal else (len(numbers) - 1) / 2
        accessible = frozenset(numbers.index(number) for number in group.accessible)
        for name in group.row_names():
            rows.append(Row(entry.id, name, len(rows), numbers, accessible, focal))
    return Section(entry.id, entry.name, entry.rank or place, tuple(rows))


def _layout(entry: VenueEntry) -> tuple[Layout, dict[str, Any]]:
    id, data = layout_document(_section(section, place) for place, section in enumerate(entry.sections, 1))
    return parse_layout(id, data), data


def local_to_utc(local: datetime, zone: str) -> datetime:
    """Raises ValueError for a local time that the clocks skip."""
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise ValueError(f"{local:%Y-%m-%dT%H:%M} does not exist in {zone}: the clocks skip it")
    return moment


def _amounts(entry: EventEntry) -> Iterator[tuple[Path, float]]:
    """The amounts of money in an entry, in major units, by path."""
    yield from ((("prices", id), price) for id, price in entry.prices.items())
    yield ("fees", "per_ticket"), entry.fees.per_ticket


def _uncharged(amount: float, currency: str) -> str | None:
    """Why the amount cannot be charged, if so."""
    minor = Decimal(str(amount)).scaleb(exponent(currency))
    if minor % 1:
        return f"{amount} is finer than {currency} goes"
    if minor % (step := chargeable_step(currency)):
        return f"{amount} cannot be charged: amounts in {currency} are multiples of {to_major(step, currency):g}"
    return None


class EventReader:
    """Turns event entries into what is stored, collecting what is wrong."""

    def __init__(self, venues: Mapping[str, tuple[Venue, Layout]], *, lenient: bool = False) -> None:
        """`lenient` passes over events at unknown venues: an earlier import may have them."""
        self._venues = venues
        self._lenient = lenient
        self.problems: list[tuple[Path, str]] = []

    def read(self, index: int, entry: EventEntry) -> TicketedEvent | None:
        """None when something is wrong with the entry."""
        before, at = len(self.problems), ("events", index)
        if entry.venue not in self._venues:
            if not self._lenient:
                self.problems.append(((*at, "venue"), f"no venue {entry.venue}"))
            return None
        venue, layout = self._venues[entry.venue]
        known = {section.id for section in layout.sections}
        self.problems += [
            ((*at, "prices", id), f"{venue.id} has no section {id}") for id in entry.prices if id not in known
        ]
        self.problems += [
            ((*at, *path), problem)
            for path, amount in _amounts(entry)
            if (problem := _uncharged(amount, entry.currency)) is not None
        ]
        try:
            starts_at = local_to_utc(entry.starts_at, venue.time_zone)
        except ValueError as error:
            self.problems.append(((*at, "starts_at"), str(error)))
        seating = None
        for place, block in enumerate(entry.blocked):
            try:
                Seating(layout, (block,), frozenset())
            except ValueError as error:
                self.problems.append(((*at, "blocked", place), str(error)))
        if len(self.problems) > before:
            return None
        seating = Seating(layout, tuple(entry.blocked), frozenset(entry.prices))
        policies, texts = read_policies(entry.policies)
        return TicketedEvent(
            id=entry.id,
            name=entry.name,
            category=entry.category,
            performers=list(entry.performers),
            description=entry.description,
            venue=venue,
            starts_at=to_timestamp(starts_at),
            sales_hours_after_start=entry.sales_end_hours_after_start,
            status=entry.status,
            currency=entry.currency,
            sections=self._sections(entry, layout, seating),
            fee_per_ticket_minor=to_minor(entry.fees.per_ticket, entry.currency),
            fee_percent=entry.fees.percent,
            taxes=[Tax(**tax.model_dump()) for tax in entry.taxes],
            **policies,
            policies=texts,
            layout_id=layout.id,
            blocked=tuple(entry.blocked),
        )

    @staticmethod
    def _sections(entry: EventEntry, layout: Layout, seating: Seating) -> list[SectionOnSale]:
        found = []
        for section in layout.sections:
            if section.id in entry.prices:
                capacity, accessible = seating.count(section.id)
                found.append(
                    SectionOnSale(
                        id=section.id,
                        name=section.name,
                        rank=section.rank,
                        price_minor=to_minor(entry.prices[section.id], entry.currency),
                        capacity=capacity,
                        accessible_capacity=accessible,
                        general_admission=section.general_admission,
                    )
                )
        return found


def read_venue(entry: VenueEntry) -> tuple[Venue, Layout, dict[str, Any]]:
    layout, data = _layout(entry)
    return Venue(**entry.model_dump(exclude={"sections"})), layout, data


def check_catalogue(catalogue: Catalogue) -> list[tuple[Path, str]]:
    """What is wrong with a catalogue by itself, beyond its models: (path, message) each."""
    venues = {entry.id: read_venue(entry)[:2] for entry in catalogue.venues}
    reader = EventReader(venues, lenient=True)
    for index, entry in enumerate(catalogue.events):
        reader.read(index, entry)
    return [*doubled_ids(catalogue), *reader.problems]

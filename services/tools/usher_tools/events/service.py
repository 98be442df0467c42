"""Finding events and describing one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from usher_shared.clock import Clock, to_timestamp
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import (
    EventInfo,
    EventList,
    EventSummary,
    PriceRange,
    SearchEvents,
    SectionInfo,
    VenueInfo,
    parse_date_range,
)
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import InvalidRequest, NotFound
from usher_tools.events.model import TicketedEvent, Venue, person_time
from usher_tools.events.search import is_match, matches_category, matches_city, score_query
from usher_tools.seats.tallies import Count, count_taken

_ZONES = timedelta(hours=15)  # local time is at most 14 hours from UTC
_MAX_DAYS = 800


async def find_event(source: DocumentStore | Transaction, event_id: str) -> TicketedEvent:
    """Raises NotFound."""
    data = await source.get("ticketed_events", event_id)
    if data is None:
        raise NotFound(f"there is no event {event_id}", code="event_not_found")
    return TicketedEvent.model_validate(data)


def free_seats(event: TicketedEvent, taken: Mapping[str, Count]) -> dict[str, tuple[int, int]]:
    """Free seats by section: all, and for wheelchair users."""
    found = {}
    for section in event.sections:
        count = taken.get(section.id, Count())
        free = section.capacity - count.seats
        found[section.id] = max(free, 0), max(section.accessible_capacity - count.accessible, 0)
    return found


def _status(event: TicketedEvent, available: int, now: datetime) -> str:
    if event.status == "cancelled":
        return "cancelled"
    if event.is_past(now):
        return "past"
    return "on_sale" if available else "sold_out"


def _summary(event: TicketedEvent, free: Mapping[str, tuple[int, int]], now: datetime) -> dict[str, Any]:
    available = sum(seats for seats, _ in free.values())
    prices = [s.price_minor for s in event.sections if free[s.id][0]] or [s.price_minor for s in event.sections]
    local = event.local_start
    return {
        "event_id": event.id,
        "name": event.name,
        "category": event.category,
        "venue": event.venue.name,
        "city": event.venue.city,
        "starts_at": local,
        "local_start": person_time(local),
        "time_zone": event.venue.time_zone,
        "currency": event.currency,
        "price_from": to_major(min(prices), event.currency) if prices else None,
        "available": available,
        "status": _status(event, available, now),
    }


async def get_event_info(event_id: str, store: DocumentStore, clock: Clock) -> EventInfo:
    """Raises NotFound."""
    event, now = await find_event(store, event_id), clock.now()
    free = free_seats(event, await count_taken(store, event.id, to_timestamp(now)))
    stored = await store.get("venues", event.venue.id)  # facts may be newer than the event's import
    venue = event.venue if stored is None else Venue.model_validate(stored)
    sections = []
    for section in sorted(event.sections, key=lambda s: s.rank):
        price = to_major(section.price_minor, event.currency)
        sections.append(
            SectionInfo(
                section=section.id,
                name=section.name,
                price=PriceRange(min=price, max=price),
                available=free[section.id][0],
                capacity=section.capacity,
                accessible_available=free[section.id][1],
                general_admission=section.general_admission,
            )
        )
    return EventInfo(
        **_summary(event, free, now),
        description=event.description,
        performers=event.performers,
        venue_info=VenueInfo(venue_id=venue.id, **venue.model_dump(exclude={"id", "city_aliases"})),
        sections=sections,
        policies=event.policies,
    )


_LATEST_SALE = timedelta(hours=12)  # after the start; the catalogue allows no more


async def _read_events(store: DocumentStore, first: datetime, last: datetime | None) -> list[TicketedEvent]:
    """Events that start in [first, last], soonest first."""
    where: tuple[Filter, ...] = (Filter("starts_at", ">=", to_timestamp(first)),)
    if last is not None:
        where += (Filter("starts_at", "<=", to_timestamp(last)),)
    found: list[TicketedEvent] = []
    after = None
    while True:
        page = await store.query(Query("ticketed_events", where, order_by="starts_at", limit=500, after=after))
        found += [TicketedEvent.model_validate(document.data) for document in page.documents]
        if page.next_cursor is None:
            return found
        after = page.next_cursor


def _days(text: str) -> tuple[date, date]:
    try:
        first, last = parse_date_range(text)
    except ValueError as error:
        raise InvalidRequest(f"date: {error}", code="bad_date") from error
    if not 1970 <= first.year <= last.year <= 9000:
        raise InvalidRequest(f"date: {text} is out of the calendar", code="bad_date")
    if (last - first).days > _MAX_DAYS:
        raise InvalidRequest(f"date: a range of at most {_MAX_DAYS} days", code="bad_date")
    return first, last


async def search_events(wanted: SearchEvents, store: DocumentStore, clock: Clock, *, limit: int = 20) -> EventList:
    """Events that fit, the best match first, then the soonest; without a date upcoming ones only.

    Raises InvalidRequest for a date that does not exist.
    """
    now = clock.now()
    if wanted.date is None:
        events = [e for e in await _read_events(store, now - _LATEST_SALE, None) if not e.is_past(now)]
    else:
        first, last = _days(wanted.date)
        start = datetime.combine(first, time(), UTC) - _ZONES
        end = datetime.combine(last, time(), UTC) + timedelta(days=1) + _ZONES
        events = [e for e in await _read_events(store, start, end) if first <= e.local_start.date() <= last]
    if wanted.city:
        events = [event for event in events if matches_city(event, wanted.city)]
    if wanted.category:
        events = [event for event in events if matches_category(event, wanted.category)]
    if wanted.query:
        scored = [(score_query(event, wanted.query), event) for event in events]
        scored = sorted((pair for pair in scored if is_match(pair[0])), key=lambda pair: (-pair[0], pair[1].starts_at))
        events = [event for _, event in scored]
    summaries = []
    for event in events[:limit]:
        free = free_seats(event, await count_taken(store, event.id, to_timestamp(now)))
        summaries.append(EventSummary(**_summary(event, free, now)))
    return EventList(events=summaries)

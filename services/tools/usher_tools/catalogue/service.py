"""Importing a catalogue: an idempotent upsert that never loses a sold seat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_shared.errors import Conflict, Unprocessable
from usher_shared.events.catalogue import PriceChanged, SectionPrice
from usher_shared.ids import IdGenerator
from usher_shared.telemetry import current_traceparent
from usher_tools.announcements import announce
from usher_tools.catalogue.model import Catalogue, doubled_ids
from usher_tools.catalogue.reading import EventReader, Path, path_text, read_venue
from usher_tools.events.model import Seating, TicketedEvent, Venue
from usher_tools.seats.layout import Layout, parse_layout
from usher_tools.seats.ledger import is_free, read_taken_ids

_BATCH = 50  # events in one transaction


class CatalogueImported(BaseModel):
    """How many documents the import wrote; `unchanged` events were the same already."""

    venues: int
    events: int
    unchanged: int
    seats: int


class CatalogueRefused(Unprocessable):
    """The catalogue cannot be imported; `errors` in the problem lists {path, message}."""

    code = "catalogue_refused"

    def __init__(self, problems: list[tuple[Path, str]]) -> None:
        first = problems[0]
        super().__init__(
            f"{path_text(first[0])}: {first[1]}" + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
            extra={"errors": [{"path": path_text(path), "message": message} for path, message in problems]},
        )
        self.problems = problems


class SeatsInUse(Conflict):
    """The new layout, prices or blocks would take away seats that are sold or held."""

    code = "seats_in_use"


async def import_catalogue(
    catalogue: Catalogue, store: DocumentStore, clock: Clock, ids: IdGenerator
) -> CatalogueImported:
    """Upsert venues and events; an event `price_changed` for each show whose prices changed.

    Raises CatalogueRefused (what the models cannot see: unknown venues, sections, seats, times that do not exist)
    and SeatsInUse (seats sold or held would vanish); nothing of a refused catalogue is written before all of it
    was checked, except that events already written stay when one sells a vanishing seat meanwhile.
    """
    problems: list[tuple[Path, str]] = list(doubled_ids(catalogue))
    venues: dict[str, tuple[Venue, Layout]] = {}
    layouts: dict[str, dict[str, Any]] = {}
    for entry in catalogue.venues:
        venue, layout, layouts_data = read_venue(entry)
        layouts[layout.id] = layouts_data
        venues[entry.id] = venue, layout
    for id in {entry.venue for entry in catalogue.events} - venues.keys():
        stored = await store.get("venues", id)
        if stored is not None:
            data = await store.get("seat_layouts", stored["layout_id"]) or {"sections": []}
            venues[id] = Venue.model_validate(stored), parse_layout(stored["layout_id"], data)
    reader = EventReader(venues)
    events = [event for i, entry in enumerate(catalogue.events) if (event := reader.read(i, entry)) is not None]
    problems += reader.problems
    if problems:
        raise CatalogueRefused(problems)
    by_layout = {layout.id: layout for _, layout in venues.values()}
    await _check_seats_in_use(events, by_layout, store, clock)
    await _write_venues([venues[entry.id] for entry in catalogue.venues], layouts, store)
    changed = 0
    for start in range(0, len(events), _BATCH):
        changed += await _write_events(events[start : start + _BATCH], by_layout, store, clock, ids)
    return CatalogueImported(
        venues=len(catalogue.venues),
        events=changed,
        unchanged=len(events) - changed,
        seats=sum(section.capacity for event in events for section in event.sections),
    )


async def _check_seats_in_use(
    events: list[TicketedEvent], layouts: Mapping[str, Layout], source: DocumentStore | Transaction, clock: Clock
) -> None:
    now = to_timestamp(clock.now())
    for event in events:
        taken = [id for id, state in (await read_taken_ids(source, event.id)).items() if not is_free(state, now)]
        if not taken:
            continue
        seating = Seating(layouts[event.layout_id], event.blocked, frozenset(event.prices))
        lost = [id for id in taken if seating.find(id) is None]
        if lost:
            raise SeatsInUse(
                f"{event.id}: {len(lost)} seats that are sold or held would vanish, such as {min(lost)}",
                extra={"event_id": event.id, "seats": sorted(lost)[:50]},
            )


async def _write_venues(
    venues: list[tuple[Venue, Layout]], layouts: Mapping[str, dict[str, Any]], store: DocumentStore
) -> None:
    async def write(tx: Transaction) -> None:
        for venue, layout in venues:
            tx.set("seat_layouts", layout.id, layouts[layout.id])
            tx.set("venues", venue.id, {**venue.model_dump(mode="json"), "layout_id": layout.id})

    if venues:
        await store.transaction(write)


def _changed_prices(before: TicketedEvent, after: TicketedEvent) -> PriceChanged | None:
    old = {section.id: section for section in before.sections}
    new = {section.id: section for section in after.sections}
    sections = []
    for id in [*new, *(old.keys() - new.keys())]:
        price = new[id].price_minor if id in new else None
        previous = old[id].price_minor if id in old else None
        if price != previous:
            name = (new.get(id) or old[id]).name
            sections.append(SectionPrice(section=id, name=name, price_minor=price, previous_minor=previous))
    if not sections or before.currency != after.currency:
        return None
    return PriceChanged(
        event_id=after.id,
        event_name=after.name,
        starts_at=after.local_start,
        currency=after.currency,
        sections=sections,
    )


async def _write_events(
    events: list[TicketedEvent],
    layouts: Mapping[str, Layout],
    store: DocumentStore,
    clock: Clock,
    ids: IdGenerator,
) -> int:
    documents = {event.id: event.model_dump(mode="json") for event in events}

    async def write(tx: Transaction) -> int:
        before = {id: await tx.get("ticketed_events", id) for id in documents}
        for id, stored in before.items():
            if stored is not None and stored.get("cancelled_at"):
                documents[id] |= {"status": "cancelled", "cancelled_at": stored["cancelled_at"]}
        changed = [id for id, document in documents.items() if before[id] != document]
        for id in changed:
            earlier = (before[id] or documents[id])["currency"]
            if earlier != documents[id]["currency"] and await read_taken_ids(tx, id):
                raise SeatsInUse(f"{id}: tickets were sold in {earlier}; the currency cannot change")
        await _check_seats_in_use([event for event in events if event.id in changed], layouts, tx, clock)
        for event in events:
            if event.id not in changed:
                continue
            tx.set("ticketed_events", event.id, documents[event.id])
            earlier_event = before[event.id]
            prices = earlier_event and _changed_prices(TicketedEvent.model_validate(earlier_event), event)
            if prices:
                announce(
                    tx, ids, clock, "usher.price_changed.v1", prices, about=event.id, traceparent=current_traceparent()
                )
        return len(changed)

    return await store.transaction(write)

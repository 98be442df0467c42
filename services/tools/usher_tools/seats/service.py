"""Finding and offering seats."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from random import randrange

from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import CheckInventory, Inventory
from usher_shared.errors import Conflict, InvalidRequest, NotFound
from usher_tools.events.model import Seating, TicketedEvent
from usher_tools.events.search import normalize
from usher_tools.events.service import find_event
from usher_tools.office import Call
from usher_tools.seats.choice import Choice
from usher_tools.seats.finding import Search, find_best
from usher_tools.seats.general import start_for
from usher_tools.seats.layout import Seat
from usher_tools.seats.model import offers


def find_section(event: TicketedEvent, text: str) -> str:
    """The id of the section that a customer calls so: its id, its name, or `section 101`.

    Raises NotFound naming the sections there are.
    """
    wanted = normalize(text)
    without = " ".join(word for word in wanted.split() if word not in ("section", "sec", "the", "block"))
    for section in event.sections:
        names = {normalize(section.id), normalize(section.name), normalize(section.name).removeprefix("section ")}
        if wanted in names or without in names:
            return section.id
    within = [s.id for s in event.sections if without and without in normalize(s.name).split()]
    if len(within) == 1:
        return within[0]
    known = ", ".join(f"{s.id} ({s.name})" if s.name != s.id else s.id for s in event.sections[:40])
    raise NotFound(f"{event.name} has no section {text!r}; there are: {known}", code="section_not_found")


def check_on_sale(event: TicketedEvent, now: datetime) -> None:
    """Raises Conflict: event_cancelled, event_over."""
    if event.status == "cancelled":
        raise Conflict(f"{event.name} has been cancelled", code="event_cancelled")
    if event.is_past(now):
        raise Conflict(f"sales for {event.name} have ended", code="event_over")


def _note(choice: Choice, wanted: CheckInventory) -> str | None:
    found, quantity = len(choice.seats), wanted.quantity
    kind = "wheelchair-accessible seats" if wanted.accessible else "seats"
    if not found:
        return f"No {kind} that fit are left."
    if found < quantity:
        return f"Only {found} {kind} that fit {'is' if found == 1 else 'are'} left."
    notes = []
    general = choice.seats[0].general_admission
    if general:
        notes.append("General admission: no seat is reserved.")
    if choice.groups > 1:
        rows = sorted({f"{seat.section}-{seat.row}" for seat in choice.seats})
        places = f"rows {', '.join(rows)}" if len(rows) > 1 else f"row {rows[0]}, not side by side"
        notes.append(f"No {quantity} adjacent seats are left: these are {choice.groups} groups in {places}.")
    if wanted.accessible and not all(seat.accessible for seat in choice.seats):
        beside = " side by side" if choice.groups == 1 and not general else ""
        notes.append(f"Wheelchair-accessible and ordinary seats{beside}.")
    if choice.accessible_used:
        notes.append("Only with seats kept for wheelchair users: nothing else is left.")
    return " ".join(notes) or None


async def check_inventory(wanted: CheckInventory, call: Call) -> Inventory:
    """The best free seats. Raises NotFound (event, section), Conflict (cancelled, over)."""
    office = call.office
    event = await find_event(office.store, wanted.event_id)
    moment, now = office.now()
    check_on_sale(event, moment)
    prices = event.prices
    sections = frozenset([find_section(event, wanted.section)] if wanted.section else prices)
    if wanted.max_price is not None:
        limit = to_minor(wanted.max_price, event.currency)
        sections = frozenset(section for section in sections if prices[section] <= limit)
    seating = await office.seating(office.store, event)
    shown = partial(office.offers.shown_to_others, event.id, call.customer_id, moment)
    start = start_for(event.id, call.customer_id) if call.customer_id else randrange(2**32)
    search = Search(sections, wanted.quantity, wanted.accessible, start, shown)
    found = await find_best(office.store, event, seating, now, search)
    choice = found.choice
    numbered = (seat.id for seat in choice.seats if not seat.general_admission)
    office.offers.show(event.id, call.customer_id, numbered, moment)
    return Inventory(
        event_id=event.id,
        quantity=wanted.quantity,
        adjacent=choice.groups == 1 and len(choice.seats) == wanted.quantity,
        available=found.available,
        currency=event.currency,
        seats=offers(choice.seats, prices, event.currency),
        note=_note(choice, wanted),
        most_seats=office.settings.max_seats_per_hold,
    )


def seats_taken(seats: list[Seat], *, left: int | None = None) -> Conflict:
    """`left`: how many places of general admission are still to be had instead."""
    ids = [seat.id for seat in seats]
    detail = f"no longer free: {', '.join(ids)}"
    if left is not None:
        detail = f"{left or 'no'} general admission {'place is' if left == 1 else 'places are'} left, {len(ids)} wanted"
    return Conflict(detail, code="seats_taken", extra={"seat_ids": ids})


def find_seats(seating: Seating, seat_ids: list[str]) -> list[Seat]:
    """The seats in the order of the ids. Raises InvalidRequest (doubled), NotFound (not sold for this event)."""
    if len(set(seat_ids)) < len(seat_ids):
        raise InvalidRequest("a seat is named twice", code="seat_named_twice")
    found = [(id, seating.find(id)) for id in seat_ids]
    missing = [id for id, seat in found if seat is None]
    if missing:
        raise NotFound(f"not on sale for this event: {', '.join(missing[:20])}", code="seat_not_found")
    return [seat for _, seat in found if seat is not None]

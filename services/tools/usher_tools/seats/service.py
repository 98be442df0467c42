"""Offering, holding and releasing seats."""

from __future__ import annotations

from datetime import datetime, timedelta

from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import CheckInventory, Hold, HoldReleased, HoldTickets, Inventory, ReleaseHold
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, InvalidRequest, NotFound
from usher_tools.events.model import Seating, TicketedEvent
from usher_tools.events.search import normalize
from usher_tools.events.service import find_event
from usher_tools.office import Call
from usher_tools.seats.choice import Choice, OpenRow, choose_seats
from usher_tools.seats.layout import Seat
from usher_tools.seats.ledger import SeatLedger, is_free, read_taken
from usher_tools.seats.model import StoredHold, offers

_PURGE_AFTER = timedelta(days=2)
_SHORTEST_HOLD = timedelta(seconds=30)


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


async def open_rows(
    source: DocumentStore | Transaction, event: TicketedEvent, seating: Seating, now: str, sections: frozenset[str]
) -> list[OpenRow]:
    """The rows of those sections with their free seats."""
    only = next(iter(sections)) if len(sections) == 1 else None
    taken = await read_taken(source, event.id, only)
    rows = []
    for row, rank in seating.rows():
        if row.section not in sections:
            continue
        free = [True] * len(row.numbers)
        for position in seating.blocked.get((row.section, row.name), ()):
            free[position] = False
        for number, state in taken.get((row.section, row.name), {}).items():
            place = row.positions.get(number)
            if place is not None and not is_free(state, now):
                free[place] = False
        rows.append(OpenRow(row, rank, free))
    return rows


def _note(choice: Choice, wanted: CheckInventory) -> str | None:
    found, quantity = len(choice.seats), wanted.quantity
    kind = "wheelchair-accessible seats" if wanted.accessible else "seats"
    if not found:
        return f"No {kind} that fit are left."
    if found < quantity:
        return f"Only {found} {kind} that fit {'is' if found == 1 else 'are'} left."
    notes = []
    if choice.groups > 1:
        rows = sorted({f"{seat.section}-{seat.row}" for seat in choice.seats})
        places = f"rows {', '.join(rows)}" if len(rows) > 1 else f"row {rows[0]}, not side by side"
        notes.append(f"No {quantity} adjacent seats are left: these are {choice.groups} groups in {places}.")
    if wanted.accessible and not all(seat.accessible for seat in choice.seats):
        notes.append("Wheelchair-accessible and ordinary seats side by side.")
    if choice.accessible_used:
        notes.append("Only with seats kept for wheelchair users: nothing else is left.")
    return " ".join(notes) or None


def _choose_unshown(rows: list[OpenRow], wanted: CheckInventory, shown: frozenset[str]) -> Choice:
    """The best choice; where others were just shown it, one as good in kind that they were not."""
    best = choose_seats(rows, wanted.quantity, accessible=wanted.accessible)
    if shown.isdisjoint(seat.id for seat in best.seats):
        return best
    unshown = [
        OpenRow(r.row, r.rank, [free and seat.id not in shown for free, seat in zip(r.free, r.row.seats, strict=True)])
        for r in rows
    ]
    other = choose_seats(unshown, wanted.quantity, accessible=wanted.accessible)
    as_good = len(other.seats) == len(best.seats) and other.groups <= best.groups
    return other if as_good and other.accessible_used == best.accessible_used else best


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
    rows = await open_rows(office.store, event, seating, now, sections) if sections else []
    shown = office.offers.shown_to_others(event.id, call.customer_id, moment)
    choice = _choose_unshown(rows, wanted, shown)
    office.offers.show(event.id, call.customer_id, (seat.id for seat in choice.seats), moment)
    if wanted.accessible:
        available = sum(r.free[position] for r in rows for position in r.row.accessible)
    else:
        available = sum(sum(r.free) for r in rows)
    return Inventory(
        event_id=event.id,
        quantity=wanted.quantity,
        adjacent=choice.groups == 1 and len(choice.seats) == wanted.quantity,
        available=available,
        currency=event.currency,
        seats=offers(choice.seats, prices, event.currency),
        note=_note(choice, wanted),
    )


def seats_taken(seats: list[Seat]) -> Conflict:
    names = ", ".join(seat.id for seat in seats)
    return Conflict(f"no longer free: {names}", code="seats_taken", extra={"seat_ids": [seat.id for seat in seats]})


def find_seats(seating: Seating, seat_ids: list[str]) -> list[Seat]:
    """The seats in the order of the ids. Raises InvalidRequest (doubled), NotFound (not sold for this event)."""
    if len(set(seat_ids)) < len(seat_ids):
        raise InvalidRequest("a seat is named twice", code="seat_named_twice")
    found = [(id, seating.find(id)) for id in seat_ids]
    missing = [id for id, seat in found if seat is None]
    if missing:
        raise NotFound(f"not on sale for this event: {', '.join(missing[:20])}", code="seat_not_found")
    return [seat for _, seat in found if seat is not None]


async def _customer_holds(tx: Transaction, customer_id: str, since: str) -> list[StoredHold]:
    """The customer's holds that end, or ended, after `since`."""
    where = (Filter("customer_id", "==", customer_id), Filter("expires_at", ">=", since))
    page = await tx.query(Query("holds", where, order_by="expires_at", descending=True, limit=100))
    return [StoredHold.model_validate(document.data) for document in page.documents]


async def hold_tickets(wanted: HoldTickets, call: Call) -> Hold:
    """Hold all of the seats or none.

    Raises NotFound (event, seat), Conflict: seats_taken (naming them), too_many_seats, too_many_holds,
    hold_limit (the same seats held again for too long), event_cancelled, event_over.
    """
    office, settings = call.office, call.office.settings
    if len(wanted.seat_ids) > settings.max_seats_per_hold:
        raise Conflict(f"at most {settings.max_seats_per_hold} seats at a time", code="too_many_seats")
    hold_id = office.ids.new("HOLD")

    async def take(tx: Transaction) -> Hold:
        moment, now = office.now()
        await call.check(tx)
        event = await find_event(tx, wanted.event_id)
        check_on_sale(event, moment)
        seats = find_seats(await office.seating(tx, event), wanted.seat_ids)
        gap = timedelta(seconds=settings.hold_chain_gap_seconds)
        holds = await _customer_holds(tx, call.customer_id, to_timestamp(moment - gap))
        if sum(hold.is_live(now) for hold in holds) >= settings.max_live_holds:
            raise Conflict(f"at most {settings.max_live_holds} holds at a time", code="too_many_holds")
        since = min(
            (h.held_since for h in holds if h.event_id == event.id and not set(h.seat_ids).isdisjoint(wanted.seat_ids)),
            default=now,
        )
        latest = from_timestamp(since) + timedelta(seconds=settings.max_hold_seconds)
        end = min(moment + timedelta(seconds=wanted.expires_in_seconds), latest)
        ledger = await SeatLedger.load(tx, event.id, seats, now)
        taken = ledger.taken(seats)
        if taken:
            raise seats_taken(taken)
        if end < moment + _SHORTEST_HOLD:
            raise Conflict("these seats have been held for as long as is allowed", code="hold_limit")
        until = to_timestamp(end)
        ledger.hold(seats, hold_id, until)
        ledger.save(tx)
        stored = StoredHold(
            id=hold_id,
            customer_id=call.customer_id,
            event_id=event.id,
            seat_ids=wanted.seat_ids,
            status="held",
            held_since=since,
            expires_at=until,
            created_at=now,
            purge_at=to_timestamp(end + _PURGE_AFTER),
        )
        tx.create("holds", hold_id, stored.model_dump(mode="json"))
        offered = offers(seats, event.prices, event.currency)
        answer = Hold(
            hold_id=hold_id,
            expires_at=end,
            event_id=event.id,
            seats=offered,
            subtotal=round(sum(seat.price for seat in offered), 3),
            currency=event.currency,
        )
        call.finish(tx, answer)
        return answer

    return await office.store.transaction(take)


async def find_hold(source: DocumentStore | Transaction, hold_id: str, customer_id: str) -> StoredHold:
    """Raises NotFound, for another customer's hold too."""
    data = await source.get("holds", hold_id)
    if data is None or data["customer_id"] != customer_id:
        raise NotFound(f"there is no hold {hold_id}", code="hold_not_found")
    return StoredHold.model_validate(data)


async def release_hold(wanted: ReleaseHold, call: Call) -> HoldReleased:
    """Give the seats back; releasing an ended hold again changes nothing.

    Raises NotFound, Conflict (the hold is being paid for, or was bought).
    """
    office = call.office

    async def give_back(tx: Transaction) -> HoldReleased:
        _, now = office.now()
        await call.check(tx)
        hold = await find_hold(tx, wanted.hold_id, call.customer_id)
        if hold.status in ("paying", "sold"):
            what = "being paid for" if hold.status == "paying" else "bought"
            raise Conflict(f"the seats of this hold are {what}", code=f"hold_{hold.status}")
        answer = HoldReleased(hold_id=hold.id, status="released")
        if hold.status == "held":
            event = await find_event(tx, hold.event_id)
            layout = await office.layouts.get(tx, event.layout_id)
            seats = [seat for id in hold.seat_ids if (seat := layout.find(id)) is not None]
            ledger = await SeatLedger.load(tx, hold.event_id, seats, now)
            ledger.release(seats, hold.id)
            ledger.save(tx)
            ended = min(hold.expires_at, now)
            released = hold.model_copy(update={"status": "released", "expires_at": ended})
            tx.set("holds", hold.id, released.model_dump(mode="json"))
        call.finish(tx, answer)
        return answer

    return await office.store.transaction(give_back)

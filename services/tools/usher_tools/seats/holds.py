"""Holding, extending and releasing seats.

A hold that has ended is nobody's: whoever comes next takes its seats over. A customer keeps a seat by holding it again
and again only as long as `max_hold_seconds`, counted from when the chain of holds began (`held_since`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.contracts.tools import Hold, HoldReleased, HoldTickets, ReleaseHold
from usher_shared.documents import Contention, DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, NotFound
from usher_tools.events.model import Seating, TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.office import Call, Office
from usher_tools.seats.general import read_room, start_for, substitute
from usher_tools.seats.layout import Layout, Seat
from usher_tools.seats.ledger import SeatLedger
from usher_tools.seats.model import StoredHold, offers
from usher_tools.seats.orphans import Wanted, check_whole
from usher_tools.seats.service import check_on_sale, find_seats, seats_taken
from usher_tools.seats.tallies import read_tallies

_PURGE_AFTER = timedelta(days=2)
_SHORTEST_HOLD = timedelta(seconds=30)
_RECENT = 100  # holds of one customer that are looked at; who makes more in a minute waits
_TURNS = 10  # searches for other places; each is lost only to customers who were served


class _PlacesGone(Exception):
    """Named places of general admission are taken, and their shards have too few others."""

    def __init__(self, event: TicketedEvent, seating: Seating, places: list[Seat]) -> None:
        super().__init__("places gone")
        self.event = event
        self.seating = seating
        self.places = places


def _chain_keys(seats: Iterable[Seat]) -> set[str]:
    """What a chain of holds keeps: seats; of general admission the section, since its places are alike."""
    return {seat.section if seat.general_admission else seat.id for seat in seats}


def _known(layout: Layout, seat_ids: Iterable[str]) -> list[Seat]:
    return [seat for id in seat_ids if (seat := layout.find(id)) is not None]


class _History:
    """The customer's holds that end, or ended a moment ago, and what they mean for the next one."""

    def __init__(self, holds: list[StoredHold], event_id: str, layout: Layout, now: str) -> None:
        self._all = holds
        self._now = now
        self._here = [(hold, _known(layout, hold.seat_ids)) for hold in holds if hold.event_id == event_id]

    @staticmethod
    async def read(tx: Transaction, call: Call, event: TicketedEvent, layout: Layout) -> _History:
        """Raises Conflict: too_many_holds, when there are more than are looked at."""
        moment, now = call.office.now()
        since = to_timestamp(moment - timedelta(seconds=call.office.settings.hold_chain_gap_seconds))
        where = (Filter("customer_id", "==", call.customer_id), Filter("expires_at", ">=", since))
        page = await tx.query(Query("holds", where, order_by="expires_at", descending=True, limit=_RECENT))
        if len(page.documents) == _RECENT:  # older ones may be hidden behind these
            raise Conflict("too many holds in a short time", code="too_many_holds", retry_after_seconds=60)
        return _History([StoredHold.model_validate(d.data) for d in page.documents], event.id, layout, now)

    def replaced_by(self, seats: list[Seat]) -> list[tuple[StoredHold, list[Seat]]]:
        """The live holds that share a seat with the new one. Raises Conflict for one that is being paid for."""
        ids = {seat.id for seat in seats}
        found = [(h, held) for h, held in self._here if h.is_live(self._now) and not ids.isdisjoint(h.seat_ids)]
        if any(hold.status == "paying" for hold, _ in found):
            raise Conflict("these seats are being paid for", code="hold_paying")
        return found

    def own_seats(self) -> set[str]:
        """The seats of this event in the customer's live holds."""
        return {id for hold, _ in self._here if hold.is_live(self._now) for id in hold.seat_ids}

    def check_caps(self, seats: list[Seat], replaced: Iterable[StoredHold], office: Office) -> None:
        """Raises Conflict: too_many_holds, too_many_seats."""
        settings, gone = office.settings, {hold.id for hold in replaced}
        live = [hold for hold in self._all if hold.is_live(self._now) and hold.id not in gone]
        if len(live) >= settings.max_live_holds:
            raise Conflict(f"at most {settings.max_live_holds} holds at a time", code="too_many_holds")
        here = sum(len(held) for hold, held in self._here if hold in live)
        if here + len(seats) > settings.max_held_seats:
            raise Conflict(f"at most {settings.max_held_seats} seats of one event at a time", code="too_many_seats")

    def began(self, seats: list[Seat]) -> str:
        """When the customer began to keep any of these without a gap."""
        keys = _chain_keys(seats)
        chained = (h.held_since for h, held in self._here if h.status != "sold" and keys & _chain_keys(held))
        return min(chained, default=self._now)


def _latest(office: Office, held_since: str) -> datetime:
    return from_timestamp(held_since) + timedelta(seconds=office.settings.max_hold_seconds)


async def hold_tickets(wanted: HoldTickets, call: Call) -> Hold:
    """Hold all of the seats or none.

    Live holds of the customer that share a seat with it are replaced: seats in both are kept without a gap, the
    others are given back. Places of general admission are alike: for one that was taken meanwhile another is held.

    Raises NotFound (event, seat), Conflict: seats_taken (naming them), too_many_seats, too_many_holds, hold_paying,
    hold_limit (the same seats held again for too long), leaves_single_seat (where rows are kept whole),
    event_cancelled, event_over.
    """
    office, settings = call.office, call.office.settings
    if len(wanted.seat_ids) > settings.max_seats_per_hold:
        raise Conflict(f"at most {settings.max_seats_per_hold} seats at a time", code="too_many_seats")
    hold_id = office.ids.new("HOLD")
    seat_ids = wanted.seat_ids

    async def take(tx: Transaction) -> Hold:
        moment, now = office.now()
        await call.check(tx)
        event = await find_event(tx, wanted.event_id)
        check_on_sale(event, moment)
        seating = await office.seating(tx, event)
        named = find_seats(seating, seat_ids)
        history = await _History.read(tx, call, event, seating.layout)
        replaced = history.replaced_by(named)
        history.check_caps(named, (hold for hold, _ in replaced), office)
        since = history.began(named)
        end = min(moment + timedelta(seconds=wanted.expires_in_seconds), _latest(office, since))
        ledger = await SeatLedger.load(tx, event.id, [*named, *(s for _, held in replaced for s in held)], now)
        for hold, held in replaced:
            ledger.release(held, hold.id)
        seats = substitute(ledger, seating, named)
        taken = ledger.taken(seats)
        numbered = [seat for seat in taken if not seat.general_admission]
        if numbered:
            raise seats_taken(numbered)
        if end < moment + _SHORTEST_HOLD:
            raise Conflict("these seats have been held for as long as is allowed", code="hold_limit")
        numbered = [seat for seat in seats if not seat.general_admission]
        if settings.keep_rows_whole:
            await check_whole(tx, event, seating, ledger, Wanted(numbered, history.own_seats(), now))
        if taken:
            own = {id for hold, _ in replaced for id in hold.seat_ids}
            raise _PlacesGone(event, seating, [s for s in named if s.general_admission and s.id not in own])
        until = to_timestamp(end)
        ledger.hold(seats, hold_id, until)
        ledger.save(tx)
        for hold, _ in replaced:
            ended = hold.model_copy(update={"status": "released", "expires_at": now})
            tx.set("holds", hold.id, ended.model_dump(mode="json"))
        stored = StoredHold(
            id=hold_id,
            customer_id=call.customer_id,
            event_id=event.id,
            seat_ids=[seat.id for seat in seats],
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
            replaced=[hold.id for hold, _ in replaced],
        )
        call.finish(tx, answer)
        return answer

    for turn in range(_TURNS):
        try:
            return await office.store.transaction(take)
        except _PlacesGone as gone:
            seat_ids = await _other_places(seat_ids, gone, call, turn)
    raise Contention("others kept taking the same places", retry_after_seconds=1.0)


async def _other_places(seat_ids: list[str], gone: _PlacesGone, call: Call, turn: int) -> list[str]:
    """The ids with other places for those that are gone. Raises Conflict seats_taken when too few are left."""
    office, places = call.office, gone.places
    moved = {place.id for place in places}
    kept = [id for id in seat_ids if id not in moved]
    by_section: dict[str, list[Seat]] = {}
    for place in places:
        by_section.setdefault(place.section, []).append(place)
    _, now = office.now()
    found = []
    tallies = await read_tallies(office.store, gone.event.id)
    for section, room in read_room(tallies, gone.event.id, gone.seating, by_section, now).items():
        wanted = by_section[section]
        ordinary = min(sum(not place.accessible for place in wanted), room.ordinary)
        accessible = len(wanted) - ordinary
        if accessible > room.accessible:
            raise seats_taken(wanted, left=room.ordinary + room.accessible)
        start = start_for(gone.event.id, call.customer_id) + turn
        others = await room.find(office.store, ordinary, accessible, start=start)
        new = {place.id for place in others}
        # where somebody was faster the search goes on: the next try finds the old names taken
        missing = [place for place in wanted if place.id not in new][: len(wanted) - len(others)]
        found += [*others, *missing]
    return [*kept, *(place.id for place in found)]


async def find_hold(source: DocumentStore | Transaction, hold_id: str, customer_id: str) -> StoredHold:
    """Raises NotFound, for another customer's hold too."""
    data = await source.get("holds", hold_id)
    if data is None or data["customer_id"] != customer_id:
        raise NotFound(f"there is no hold {hold_id}", code="hold_not_found")
    return StoredHold.model_validate(data)


async def extend_hold(tx: Transaction, office: Office, event: TicketedEvent, hold: StoredHold) -> StoredHold:
    """The live hold, made to last a while from now for a customer who is about to buy, but not over its lifetime.

    Writes: call it after everything else was read.
    """
    moment, now = office.now()
    wished = moment + timedelta(seconds=office.settings.quote_extends_seconds)
    until = to_timestamp(min(wished, _latest(office, hold.held_since)))
    if until <= hold.expires_at:
        return hold
    seats = _known(await office.layouts.get(tx, event.layout_id), hold.seat_ids)
    ledger = await SeatLedger.load(tx, hold.event_id, seats, now)
    if not ledger.belongs_to(seats, hold.id):
        return hold
    ledger.hold(seats, hold.id, until)
    ledger.save(tx)
    purge_at = to_timestamp(from_timestamp(until) + _PURGE_AFTER)
    extended = hold.model_copy(update={"expires_at": until, "purge_at": purge_at})
    tx.set("holds", hold.id, extended.model_dump(mode="json"))
    return extended


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
            seats = _known(await office.layouts.get(tx, event.layout_id), hold.seat_ids)
            ledger = await SeatLedger.load(tx, hold.event_id, seats, now)
            ledger.release(seats, hold.id)
            ledger.save(tx)
            ended = min(hold.expires_at, now)
            released = hold.model_copy(update={"status": "released", "expires_at": ended})
            tx.set("holds", hold.id, released.model_dump(mode="json"))
        call.finish(tx, answer)
        return answer

    return await office.store.transaction(give_back)

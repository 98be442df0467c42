"""Joining and leaving the wait list, and offering what came free to the first in line whom it fits.

An offer is a hold in the customer's name, made in the transaction that marks the entry and announces it, so that an
entry is offered once however many processes look. Who is not served stays in line; a party that needs more seats
than came free is passed by one that fits, and keeps its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel

from usher_shared.clock import to_timestamp
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import (
    CheckInventory,
    GetWaitList,
    Hold,
    HoldTickets,
    JoinWaitList,
    LeaveWaitList,
    WaitList,
    WaitListEntry,
)
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, NotFound
from usher_shared.events.catalogue import WaitListOffered
from usher_shared.telemetry import current_traceparent
from usher_tools.announcements import announce
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event, free_seats
from usher_tools.office import Call, Office
from usher_tools.seats.holds import hold_tickets
from usher_tools.seats.model import StoredHold
from usher_tools.seats.service import check_inventory, check_on_sale, find_section
from usher_tools.seats.tallies import count_taken
from usher_tools.wait_list.model import StoredEntry

_PURGE_AFTER = timedelta(days=2)
_MOST_ENTRIES = 20  # of one customer, of all shows
_PAGE = 100
_MOST_COUNTED = 1000  # of those ahead in line


class _NoLongerWaiting(Exception):
    """The entry left the line, or another process served it."""


def _waiting(event_id: str, after: str | None = None) -> Query:
    where = (Filter("event_id", "==", event_id), Filter("status", "==", "waiting"))
    return Query("wait_list", where, order_by="created_at", limit=_PAGE, after=after)


async def _position(store: DocumentStore, entry: StoredEntry) -> int | None:
    """1 for the first in line; None for who is further back than is counted."""
    ahead, after = 0, None
    while True:
        page = await store.query(_waiting(entry.event_id, after))
        for document in page.documents:
            if (document.data["created_at"], document.id) >= (entry.created_at, entry.id):
                return ahead + 1
            ahead += 1
        if page.next_cursor is None:
            return ahead + 1
        if ahead >= _MOST_COUNTED:
            return None
        after = page.next_cursor


async def _entries(
    source: DocumentStore | Transaction, customer_id: str, *status: Literal["waiting", "offered"]
) -> list[StoredEntry]:
    found = []
    for one in status:
        where = (Filter("customer_id", "==", customer_id), Filter("status", "==", one))
        page = await source.query(Query("wait_list", where, order_by="created_at", descending=True, limit=_PAGE))
        found += [StoredEntry.model_validate(document.data) for document in page.documents]
    return found


async def _view(entry: StoredEntry, office: Office) -> WaitListEntry:
    position = await _position(office.store, entry) if entry.status == "waiting" else None
    stored = await office.store.get("holds", entry.hold_id) if entry.hold_id else None
    hold = None if stored is None else StoredHold.model_validate(stored)
    return entry.view(office.now()[1], position=position, hold=hold)


async def join_wait_list(wanted: JoinWaitList, call: Call) -> WaitListEntry:
    """Wait for seats of a show; joining again changes what is wanted and keeps the place in line.

    Raises NotFound (event, section), Conflict: seats_available (nothing to wait for), event_cancelled, event_over,
    too_many_seats, too_many_entries.
    """
    office = call.office
    if wanted.quantity > office.settings.max_seats_per_hold:
        raise Conflict(f"at most {office.settings.max_seats_per_hold} seats at a time", code="too_many_seats")
    event = await find_event(office.store, wanted.event_id)
    moment, now = office.now()
    check_on_sale(event, moment)
    look = CheckInventory.model_validate(wanted.model_dump())
    if look.section is not None:
        look = look.model_copy(update={"section": find_section(event, look.section)})
    if len((await check_inventory(look, call)).seats) >= look.quantity:
        raise Conflict("such seats are free now: hold them instead of waiting", code="seats_available")
    fresh = StoredEntry(
        id=office.ids.new("WL"),
        customer_id=call.customer_id,
        client_id=call.client_id,
        conversation_id=call.conversation_id,
        event_id=event.id,
        event_name=event.name,
        wanted=look,
        status="waiting",
        created_at=now,
        purge_at=to_timestamp(event.start + _PURGE_AFTER),
    )

    async def join(tx: Transaction) -> StoredEntry:
        await call.check(tx)
        present = await _entries(tx, call.customer_id, "waiting")
        same = next((entry for entry in present if entry.event_id == event.id), None)
        if same is None and len(present) >= _MOST_ENTRIES:
            raise Conflict(f"at most {_MOST_ENTRIES} shows at a time", code="too_many_entries")
        entry = fresh if same is None else same.model_copy(update={"wanted": look})
        tx.set("wait_list", entry.id, entry.model_dump(mode="json"))
        # the place in line is not known inside the transaction: a replay may not say where one stood
        call.finish(tx, entry.view(now, position=None, hold=None))
        return entry

    return await _view(await office.store.transaction(join), office)


async def leave_wait_list(wanted: LeaveWaitList, call: Call) -> WaitListEntry:
    """Leaving twice changes nothing; seats that were offered stay held until they are released.

    Raises NotFound, for another customer's entry too.
    """
    office = call.office

    async def leave(tx: Transaction) -> StoredEntry:
        await call.check(tx)
        data = await tx.get("wait_list", wanted.entry_id)
        if data is None or data["customer_id"] != call.customer_id:
            raise NotFound(f"there is no wait list entry {wanted.entry_id}", code="entry_not_found")
        entry = StoredEntry.model_validate(data)
        if entry.status == "waiting":
            entry = entry.model_copy(update={"status": "left"})
            tx.set("wait_list", entry.id, entry.model_dump(mode="json"))
        call.finish(tx, entry.view(office.now()[1], position=None, hold=None))
        return entry

    return await _view(await office.store.transaction(leave), office)


async def get_wait_list(wanted: GetWaitList, call: Call) -> WaitList:
    """The customer's entries that wait or were offered seats, newest first."""
    office = call.office
    entries = await _entries(office.store, call.customer_id, "waiting", "offered")
    entries.sort(key=lambda entry: entry.created_at, reverse=True)
    return WaitList(entries=[await _view(entry, office) for entry in entries])


@dataclass(frozen=True, kw_only=True)
class _Offer(Call):
    """The call that holds the seats for the customer in line: its transaction serves the entry as well."""

    entry: StoredEntry
    event: TicketedEvent

    async def check(self, tx: Transaction) -> None:
        """Raises _NoLongerWaiting, also when the customer wants something else by now."""
        data = await tx.get("wait_list", self.entry.id)
        if data is None or StoredEntry.model_validate(data) != self.entry:
            raise _NoLongerWaiting

    def finish(self, tx: Transaction, answer: BaseModel) -> None:
        hold = Hold.model_validate(answer, from_attributes=True)
        entry = self.entry.model_copy(update={"status": "offered", "hold_id": hold.hold_id})
        tx.set("wait_list", entry.id, entry.model_dump(mode="json"))
        data = WaitListOffered(
            entry_id=entry.id,
            event_id=entry.event_id,
            event_name=entry.event_name,
            starts_at=self.event.local_start,
            customer_id=entry.customer_id,
            client_id=entry.client_id,
            conversation_id=entry.conversation_id,
            hold_id=hold.hold_id,
            seat_ids=[seat.id for seat in hold.seats],
            currency=hold.currency,
            subtotal_minor=to_minor(hold.subtotal, hold.currency),
            expires_at=hold.expires_at,
        )
        announce(
            tx,
            self.office.ids,
            self.office.clock,
            "usher.wait_list_offered.v1",
            data,
            about=entry.event_id,
            traceparent=current_traceparent(),
        )


async def _offer(office: Office, entry: StoredEntry, event: TicketedEvent) -> bool:
    """Whether seats that fit were free and are now held for the customer."""
    call = _Offer(
        office,
        entry.customer_id,
        client_id=entry.client_id,
        conversation_id=entry.conversation_id,
        entry=entry,
        event=event,
    )
    try:
        seats = (await check_inventory(entry.wanted, call)).seats
        if len(seats) < entry.wanted.quantity:
            return False
        wanted = HoldTickets(
            event_id=event.id,
            seat_ids=[seat.id for seat in seats],
            expires_in_seconds=office.settings.wait_list_offer_seconds,
        )
        await hold_tickets(wanted, call)
    except (Conflict, NotFound, _NoLongerWaiting):  # taken meanwhile, over the customer's caps, no such section now
        return False
    return True


def _may_fit(entry: StoredEntry, event: TicketedEvent, free: Mapping[str, tuple[int, int]]) -> bool:
    """Whether the counters leave enough; which seats they are, and their prices, is looked at afterwards."""
    wanted = entry.wanted
    sections = [wanted.section] if wanted.section else [section.id for section in event.sections]
    counts = [free.get(id, (0, 0)) for id in sections]
    # a party with one wheelchair user takes ordinary seats beside
    suits = not wanted.accessible or any(accessible for _, accessible in counts)
    return suits and sum(seats for seats, _ in counts) >= wanted.quantity


async def offer_freed_seats(office: Office, event: TicketedEvent, free: Mapping[str, tuple[int, int]]) -> int:
    """Hold what is free for those who wait, first come, first served; how many were served.

    `free` are the counters by section, as `free_seats` gives them: whoever cannot be served by them costs no look.
    """
    served, after = 0, None
    with office.outbox.nudging():
        while any(seats for seats, _ in free.values()):
            page = await office.store.query(_waiting(event.id, after))
            for document in page.documents:
                entry = StoredEntry.model_validate(document.data)
                if _may_fit(entry, event, free) and await _offer(office, entry, event):
                    served += 1
                    free = free_seats(event, await count_taken(office.store, event.id, office.now()[1]))
            after = page.next_cursor
            if after is None:
                break
    return served

"""Announcing levels of availability, and finding the shows where they may have changed.

Nothing is counted in the transactions of the rush: the tallies say when they were last written, so one look names the
shows with sales since the look before, whichever process made them. A hold that lapses writes nothing, so a show
with held seats is looked at until it has none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from usher_shared.clock import to_timestamp
from usher_shared.documents import Filter, Query, Transaction
from usher_shared.errors import NotFound
from usher_shared.events.catalogue import AvailabilityChanged, SectionAvailability
from usher_shared.telemetry import current_traceparent
from usher_tools.announcements import announce
from usher_tools.availability.model import Announced, announced, level_of
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event, free_seats
from usher_tools.office import Office
from usher_tools.seats.tallies import add_up, read_tallies
from usher_tools.wait_list.service import offer_freed_seats

_LOG = logging.getLogger(__name__)
_AT_START = timedelta(days=1)  # what may have changed while no process looked
_OVERLAP = timedelta(seconds=30)  # clocks of processes differ, and a commit takes its time


def _changed(
    event: TicketedEvent, sections: list[SectionAvailability], before: Announced
) -> AvailabilityChanged | None:
    available, capacity = sum(s.available for s in sections), sum(s.capacity for s in sections)
    now = announced(level_of(available, capacity), sections)
    known = {section.section: before.sections.get(section.section, "available") for section in sections}
    if now.level == before.level and now.sections == known:
        return None
    return AvailabilityChanged(
        event_id=event.id,
        event_name=event.name,
        starts_at=event.local_start,
        level=now.level,
        previous_level=before.level,
        available=available,
        capacity=capacity,
        sections=sections,
    )


async def announce_availability(office: Office, event: TicketedEvent, free: Mapping[str, tuple[int, int]]) -> None:
    """Publish `availability_changed` if a level differs from what listeners know. Safe beside other processes.

    `free` are the counters by section, as `free_seats` gives them.
    """
    sections = [
        SectionAvailability(
            section=section.id,
            name=section.name,
            level=level_of(free[section.id][0], section.capacity),
            available=free[section.id][0],
            capacity=section.capacity,
        )
        for section in event.sections
    ]
    known = Announced.model_validate(await office.store.get("availability", event.id) or {})
    if _changed(event, sections, known) is None:
        return

    async def publish(tx: Transaction) -> None:
        before = Announced.model_validate(await tx.get("availability", event.id) or {})
        data = _changed(event, sections, before)
        if data is not None:
            tx.set("availability", event.id, announced(data.level, sections).model_dump(mode="json"))
            announce(
                tx,
                office.ids,
                office.clock,
                "usher.availability_changed.v1",
                data,
                about=event.id,
                traceparent=current_traceparent(),
            )

    with office.outbox.nudging():
        await office.store.transaction(publish)


class SeatWatch:
    """Looks at the shows whose seats changed: `look` at intervals, in every process."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._since: str | None = None
        self._with_holds: set[str] = set()

    async def look(self) -> int:
        """Announce levels and serve the wait lists of the shows with changes; how many there were."""
        moment = self._office.clock.now()
        shows = await self._touched(self._since or to_timestamp(moment - _AT_START)) | self._with_holds
        again = set()
        for event_id in sorted(shows):
            try:
                if await self._look_at(event_id):
                    again.add(event_id)
            except Exception:  # one show's trouble is not the others'; the next look tries again
                _LOG.exception("looking at a show's seats failed", extra={"event": event_id})
                again.add(event_id)
        self._since = to_timestamp(moment - _OVERLAP)
        self._with_holds = again
        return len(shows)

    async def _look_at(self, event_id: str) -> bool:
        """Whether seats were held before the look, so that more may come free without anybody writing."""
        office = self._office
        try:
            event = await find_event(office.store, event_id)
        except NotFound:  # its tallies outlived it
            return False
        if event.status == "cancelled" or event.is_past(office.clock.now()):
            return False
        tallies, now = await read_tallies(office.store, event_id), office.now()[1]
        free = free_seats(event, add_up(tallies.values(), now))
        await announce_availability(office, event, free)
        await offer_freed_seats(office, event, free)
        return any(entry["until"] > now for tally in tallies.values() for entry in tally.held.values())

    async def _touched(self, since: str) -> set[str]:
        """The shows whose tallies were written since then."""
        found: set[str] = set()
        where, after = (Filter("updated_at", ">=", since),), None
        while True:
            page = await self._office.store.query(
                Query("seat_tallies", where, order_by="updated_at", limit=500, after=after)
            )
            found |= {document.data["event_id"] for document in page.documents}
            if page.next_cursor is None:
                return found
            after = page.next_cursor

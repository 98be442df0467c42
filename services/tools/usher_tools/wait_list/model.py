"""Entries of the wait list as they are stored."""

from __future__ import annotations

from usher_shared.clock import from_timestamp
from usher_shared.contracts.tools import CheckInventory, WaitListEntry
from usher_tools.events.model import Stored
from usher_tools.seats.model import StoredHold


class StoredEntry(Stored):
    """Collection `wait_list`. `status`: waiting, offered (seats were held for the customer), left."""

    id: str
    customer_id: str
    client_id: str | None
    conversation_id: str | None
    event_id: str
    event_name: str
    wanted: CheckInventory
    status: str
    created_at: str
    hold_id: str | None = None
    purge_at: str

    def view(self, now: str, *, position: int | None, hold: StoredHold | None) -> WaitListEntry:
        """`position` for an entry that waits, `hold` for one that was offered seats."""
        status = self.status
        if status == "offered":
            if hold is not None and hold.status == "sold":
                status = "bought"
            elif hold is None or not hold.is_live(now):
                status = "lapsed"
        live = hold if status == "offered" else None
        return WaitListEntry.model_validate(
            {
                "entry_id": self.id,
                "event_id": self.event_id,
                "event_name": self.event_name,
                "quantity": self.wanted.quantity,
                "section": self.wanted.section,
                "max_price": self.wanted.max_price,
                "accessible": self.wanted.accessible,
                "status": status,
                "position": position,
                "joined_at": from_timestamp(self.created_at),
                "hold_id": live.id if live else None,
                "seat_ids": live.seat_ids if live else [],
                "expires_at": live.end if live else None,
            }
        )

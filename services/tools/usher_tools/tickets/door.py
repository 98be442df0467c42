"""Judging a ticket at the door, without a network: signature, event, list. Who was admitted is the door's record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from usher_tools.tickets.tokens import DoorClaims, InvalidToken, TicketClaims, TicketReader

Reason = Literal["ok", "not_ours", "other_event", "expired", "replaced", "newer_than_list", "already_admitted"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`words` are for the person at the door; `ticket` is None when nothing in the payload can be trusted."""

    reason: Reason
    words: str
    ticket: TicketClaims | None = None

    @property
    def admits(self) -> bool:
        return self.reason == "ok"


def judge(payload: str, reader: TicketReader, door: DoorClaims, now: datetime) -> Verdict:
    """Whether the ticket opens this door, apart from earlier admissions.

    A ticket that the list does not hold is refused: one signed before the list was made had been moved or given back
    by then; one signed later may be good, and a newer list will say so.
    """
    try:
        ticket = reader.read_ticket(payload.strip())
    except InvalidToken as error:
        return Verdict("not_ours", f"not a ticket of ours: {error}")
    if ticket.event_id != door.event_id:
        return Verdict("other_event", f"a ticket for another event: {ticket.event_id}", ticket)
    if ticket.valid_until <= now:
        return Verdict("expired", f"the ticket ended on {ticket.valid_until:%Y-%m-%d}", ticket)
    if door.holds(ticket.ticket_id):
        return Verdict("ok", f"seat {ticket.seat_id}", ticket)
    if ticket.issued_at >= door.issued_at:
        return Verdict("newer_than_list", "newer than this list: fetch the list again", ticket)
    return Verdict("replaced", "replaced or given back: this ticket is no longer good", ticket)

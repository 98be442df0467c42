"""Keeping rows whole when customers are faster than what they were shown.

An offer leaves no single seat over where that can be helped (`choice`). But of two parties that were shown the same
gap at once, by two processes, the second may hold seats that now leave one between them: it is told so, and looks
again. Only where the section has no better place is the single seat let be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from usher_shared.documents import Transaction
from usher_shared.errors import Conflict
from usher_tools.events.model import Seating, TicketedEvent
from usher_tools.seats.choice import choose_seats
from usher_tools.seats.finding import open_rows
from usher_tools.seats.layout import RowKey, Seat
from usher_tools.seats.ledger import SeatLedger


@dataclass(frozen=True, slots=True)
class Wanted:
    """Numbered seats that a customer would hold; `own` are the ids of those it holds already."""

    seats: list[Seat]
    own: set[str]
    now: str


def left_alone(seats: Iterable[Seat], own: Collection[str], seating: Seating, ledger: SeatLedger) -> list[Seat]:
    """The free ordinary seats that would stand alone between these numbered seats, once held, and another customer.

    One beside a free wheelchair place is not alone: it is the companion's. `own` are the ids of the customer's other
    seats; what it leaves between those, or at a row's end, it chose with open eyes.
    """
    rows: defaultdict[RowKey, set[int]] = defaultdict(set)
    for seat in seats:
        rows[seat.key].add(seat.position)
    found = []
    for key, held in rows.items():
        row = seating.layout.rows[key]
        for position, step in {(p + step, step) for p in held for step in (-1, 1)}:
            beyond = position + step
            if position in held or not 0 <= beyond < len(row.numbers):
                continue
            alone, neighbour = row.seats[position], row.seats[beyond]
            open_seat = not alone.accessible and not seating.is_blocked(alone) and not ledger.taken([alone])
            if open_seat and neighbour.id not in own and ledger.taken([neighbour]):
                found.append(alone)
    return found


async def check_whole(
    tx: Transaction, event: TicketedEvent, seating: Seating, ledger: SeatLedger, wanted: Wanted
) -> None:
    """Raises Conflict leaves_single_seat, naming the seats that would be left alone.

    Not where a wheelchair place is wanted, nor where the section could not seat the party side by side and leave
    nobody's seat alone. Reads the section's rows only where a seat would be left.
    """
    alone = left_alone(wanted.seats, wanted.own, seating, ledger)
    if not alone or any(seat.accessible for seat in wanted.seats):
        return
    sections = frozenset(seat.section for seat in wanted.seats)
    rows = await open_rows(tx, event, seating, wanted.now, sections)
    if choose_seats(rows, len(wanted.seats)).flawless:
        ids = [seat.id for seat in alone]
        raise Conflict(
            f"that would leave {', '.join(ids)} alone between seats that are taken; look again",
            code="leaves_single_seat",
            extra={"seat_ids": ids},
        )

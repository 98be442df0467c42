"""Which places to offer: seats and general admission together, with as few documents read as will do.

The tallies say in at most sixteen documents how much each section has left. A look at a whole event then reads the best
sections that have room, one after another, and all of them only when those do not have what the party wants.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from usher_shared.documents import DocumentStore, Transaction
from usher_tools.events.model import Seating, SectionOnSale, TicketedEvent
from usher_tools.seats.choice import Choice, OpenRow, choose_seats
from usher_tools.seats.general import Room, read_room
from usher_tools.seats.ledger import is_free, read_taken
from usher_tools.seats.tallies import Count, add_up, read_tallies

_TRIED_ALONE = 3  # ranks of sections that are read by themselves before all are


@dataclass(frozen=True, slots=True)
class Search:
    """What a party looks for and where. `start` spreads customers over general admission (`start_for`); `shown` tells
    the seats that others were just shown: asked when the choice is made, since others may ask while rows are read."""

    sections: frozenset[str]
    quantity: int
    accessible: bool
    start: int
    shown: Callable[[], frozenset[str]] = frozenset


@dataclass(frozen=True, slots=True)
class Found:
    """`available` counts all free seats of the kind that was looked for."""

    choice: Choice
    available: int


async def open_rows(
    source: DocumentStore | Transaction, event: TicketedEvent, seating: Seating, now: str, sections: frozenset[str]
) -> list[OpenRow]:
    """The rows of those sections with their free seats; nothing of general admission."""
    numbered = sections - seating.general.keys()
    if not numbered:
        return []
    only = next(iter(numbered)) if len(numbered) == 1 else None
    taken = await read_taken(source, event.id, section=only)
    rows = []
    for row, rank in seating.rows():
        if row.section not in numbered:
            continue
        free = [True] * len(row.numbers)
        for position in seating.blocked.get(row.key, ()):
            free[position] = False
        for number, state in taken.get(row.key, {}).items():
            place = row.positions.get(number)
            if place is not None and not is_free(state, now):
                free[place] = False
        rows.append(OpenRow(row, rank, free))
    return rows


async def find_best(
    source: DocumentStore | Transaction, event: TicketedEvent, seating: Seating, now: str, search: Search
) -> Found:
    """The best free seats, numbered or of general admission; fewer than wanted when fewer are left."""
    numbered = search.sections - seating.general.keys()
    read = partial(open_rows, source, event, seating, now)
    if len(numbered) == len(search.sections) <= 1:
        rows = await read(numbered)
        free = (seat.accessible for r in rows for seat, f in zip(r.row.seats, r.free, strict=True) if f)
        available = sum(accessible or not search.accessible for accessible in free)
        return Found(_choose_unshown(rows, search), available)
    tallies = await read_tallies(source, event.id)
    rooms = read_room(tallies, event.id, seating, search.sections & seating.general.keys(), now)
    taken = add_up(tallies.values(), now)
    left = {s.id: _left(s, taken.get(s.id, Count())) for s in event.sections if s.id in search.sections}
    available = sum(count.accessible if search.accessible else count.seats for count in left.values())
    rows, choice = await _find_numbered(read, event, search, numbered, left)
    room = _better_room(choice, rows, rooms, search)
    if room is None:
        return Found(choice, available)
    ordinary, kept = room.share(search.quantity, accessible=search.accessible)
    places = await room.find(source, ordinary, kept, start=search.start)
    return Found(Choice(places, 1, accessible_used=bool(kept and not search.accessible)), available)


def _left(section: SectionOnSale, taken: Count) -> Count:
    return Count(max(section.capacity - taken.seats, 0), max(section.accessible_capacity - taken.accessible, 0))


async def _find_numbered(
    read: Callable[[frozenset[str]], Awaitable[list[OpenRow]]],
    event: TicketedEvent,
    search: Search,
    numbered: frozenset[str],
    left: Mapping[str, Count],
) -> tuple[list[OpenRow], Choice]:
    """The best numbered seats, and the rows that were read for them."""
    rows: list[OpenRow] = []
    for tried, sections in enumerate(_by_rank(event, search, numbered, left)):
        if tried == _TRIED_ALONE:
            break
        for section in sections:
            rows += await read(frozenset([section]))
        choice = _choose_unshown(rows, search)
        if choice.flawless and len(choice.seats) == search.quantity:
            return rows, choice
    rows = await read(numbered)
    return rows, _choose_unshown(rows, search)


def _by_rank(
    event: TicketedEvent, search: Search, numbered: frozenset[str], left: Mapping[str, Count]
) -> Iterator[list[str]]:
    """The sections that may have room for the party, best first, those of one rank together."""
    fitting = [
        section
        for section in event.sections
        if section.id in numbered
        and left[section.id].seats >= search.quantity
        and (left[section.id].accessible or not search.accessible)
    ]
    for _, group in groupby(sorted(fitting, key=lambda section: section.rank), key=lambda section: section.rank):
        yield [section.id for section in group]


def _better_room(numbered: Choice, rows: list[OpenRow], rooms: Mapping[str, Room], search: Search) -> Room | None:
    """The general-admission section to offer rather than those seats: it is of better rank and has room, or the
    seats are not what the party wants and it has room, or it has more of them left."""
    complete = len(numbered.seats) == search.quantity
    together = complete and numbered.groups == 1 and not numbered.accessible_used
    ranks = {r.row.section: r.rank for r in rows}
    rank = max((ranks[seat.section] for seat in numbered.seats), default=0)
    fitting = [room for room in rooms.values() if room.fits(search.quantity, accessible=search.accessible)]
    best = min(fitting, key=lambda room: room.rank, default=None)
    if best is not None:
        return best if not together or best.rank < rank else None
    if complete or not rooms:
        return None
    fullest = max(rooms.values(), key=lambda room: sum(room.share(search.quantity, accessible=search.accessible)))
    most = sum(fullest.share(search.quantity, accessible=search.accessible))
    return fullest if most > len(numbered.seats) else None


def _choose_unshown(rows: list[OpenRow], wanted: Search) -> Choice:
    """The best choice; where others were just shown it, one as good in kind that they were not."""
    best = choose_seats(rows, wanted.quantity, accessible=wanted.accessible)
    shown = wanted.shown()
    if shown.isdisjoint(seat.id for seat in best.seats):
        return best
    unshown = [
        OpenRow(
            r.row,
            r.rank,
            [free and seat.id not in shown for free, seat in zip(r.free, r.row.seats, strict=True)],
        )
        for r in rows
    ]
    other = choose_seats(unshown, wanted.quantity, accessible=wanted.accessible)
    as_good = len(other.seats) == len(best.seats) and other.groups <= best.groups
    as_good = as_good and other.flawless >= best.flawless  # a hold that leaves a seat alone may be refused
    if as_good and other.accessible_used == best.accessible_used:
        return other
    return replace(best, flawless=False)  # elsewhere there may be seats that nobody was shown

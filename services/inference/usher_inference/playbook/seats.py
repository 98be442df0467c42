"""Choosing among the free seats that the box office listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from usher_inference.playbook.state import Dialogue, Wish
from usher_shared.contracts.money import to_major, to_minor
from usher_shared.contracts.tools import EventInfo, Inventory, SeatOffer

MOST_SEATS = 50  # of one request to the box office


class Beside(StrEnum):
    """How the seats lie to each other, as far as it is known."""

    TOGETHER = "side by side"
    ROW = "in one row"
    APART = "not all next to each other"


@dataclass(frozen=True, slots=True)
class Pick:
    """Seats to offer. `exact` says that they are what was asked for in every respect."""

    seats: tuple[SeatOffer, ...]
    beside: Beside
    exact: bool


def check_arguments(
    d: Dialogue, event_id: str, listed: int, section: str | None, max_minor: int | None
) -> dict[str, Any]:
    """The arguments of `check_inventory` for the wish; `listed`: how many seats to ask for."""
    arguments: dict[str, Any] = {"event_id": event_id, "quantity": listed}
    if section:
        arguments["section"] = section
    if max_minor is not None:
        arguments["max_price"] = to_major(max_minor, d.currency)
    if d.wish.accessible:
        arguments["accessible"] = True
    return arguments


def listings(wish: Wish, quantity: int) -> list[int]:
    """How many seats to ask for, in turn: as few as may hold those wanted, since more lie together elsewhere."""
    if wish.row or wish.seat_ids or wish.seat_numbers:
        return [MOST_SEATS]
    if wish.passed:
        steps = (quantity + len(wish.passed), 3 * quantity + len(wish.passed), MOST_SEATS)
        return sorted({min(step, MOST_SEATS) for step in steps})
    return [quantity]


def price_steps(info: EventInfo, wish: Wish, sections: Sequence[str | None]) -> list[int]:
    """The lowest prices of the sections with free seats, cheapest first, in minor units: what "cheapest" tries."""
    steps = {
        to_minor(section.price.min, info.currency)
        for section in info.sections
        if section.available > 0 and (None in sections or section.section in sections)
    }
    limit = wish.limit_each(wish.quantity or 1)
    return sorted(step for step in steps if limit is None or step <= limit)[:3]


def choose(inventory: Inventory, wish: Wish) -> Pick:
    """The best seats of the listing for the wish: side by side where that is possible."""
    asked = wish.quantity or inventory.quantity
    suiting = [seat for seat in inventory.seats if _is_named(seat, wish) and seat.id not in wish.passed]
    wanted = min(asked, len(suiting))
    if not suiting:
        return Pick((), Beside.APART, exact=False)
    chosen, beside = suiting[:wanted], Beside.APART
    run = _side_by_side(suiting, wanted)
    if inventory.adjacent and inventory.quantity == asked and len(suiting) == len(inventory.seats):
        beside = Beside.TOGETHER
    elif run:
        chosen, beside = run, Beside.TOGETHER
    elif len({(seat.section, seat.row) for seat in chosen}) == 1:
        beside = Beside.ROW
    together = beside is Beside.TOGETHER or wanted == 1
    return Pick(tuple(chosen), beside, exact=wanted == asked and (together or wish.apart_is_fine))


def needs_wide_listing(wish: Wish) -> bool:
    """Whether the seats in question may lie beyond the best few: a row, certain seats, or other ones than offered."""
    return bool(wish.row or wish.seat_ids or wish.seat_numbers or wish.passed)


def _is_named(seat: SeatOffer, wish: Wish) -> bool:
    if wish.seat_ids and seat.id.upper() not in wish.seat_ids:
        return False
    if wish.seat_numbers and seat.number not in wish.seat_numbers:
        return False
    return wish.row is None or seat.row.upper() == wish.row.upper()


def _side_by_side(free: Sequence[SeatOffer], wanted: int) -> list[SeatOffer] | None:
    """The first run of neighbouring numbers in one row, in the order of the listing."""
    rows: dict[tuple[str, str], dict[int, SeatOffer]] = {}
    for seat in free:
        if seat.number.isdecimal():
            rows.setdefault((seat.section, seat.row), {})[int(seat.number)] = seat
    for numbered in rows.values():
        for first in numbered:
            run = [numbered[n] for n in range(first, first + wanted) if n in numbered]
            if len(run) == wanted:
                return run
    return None

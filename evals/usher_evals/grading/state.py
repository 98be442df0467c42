"""The box office's state as it is compared: orders in canonical form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from usher_evals.tasks.states import OrderState, ordered

_PLACE = re.compile(r"^(?P<section>.+)-(?P<row>[^-]+)-(?P<number>\d+)$")


def cents(amount: float) -> int:
    return round(amount * 100)


def canonical(order: Mapping[str, Any]) -> OrderState:
    """An order of `GET /orders`, without its ids, times and the numbers of its seats."""
    seats = order["seats"]
    return OrderState(
        event_id=str(order["event_id"]),
        status=str(order["status"]),
        quantity=len(seats),
        sections=tuple(sorted({str(seat["section"]) for seat in seats})),
        total=cents(order["total"]),
        together=len(seats) > 1 and _side_by_side([str(seat["id"]) for seat in seats]),
    )


def states(orders: Iterable[Mapping[str, Any]]) -> tuple[OrderState, ...]:
    return ordered(canonical(order) for order in orders)


def seat_ids(orders: Iterable[Mapping[str, Any]], event_id: str) -> list[str]:
    """Every seat of these orders for that event."""
    return [str(seat["id"]) for order in orders if order["event_id"] == event_id for seat in order["seats"]]


def _side_by_side(ids: Sequence[str]) -> bool:
    places = [_PLACE.match(id) for id in ids]
    if any(place is None for place in places):
        return False
    found = [place for place in places if place is not None]
    numbers = sorted(int(place["number"]) for place in found)
    one_row = len({(place["section"], place["row"]) for place in found}) == 1
    return one_row and numbers == list(range(numbers[0], numbers[0] + len(numbers)))

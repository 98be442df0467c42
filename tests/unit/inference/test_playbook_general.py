"""Places of general admission are told as such: no row, no seat numbers, nothing about sitting together."""

from __future__ import annotations

from usher_inference.playbook.phrases import seats, seats_with_prices
from usher_shared.contracts.tools import SeatOffer


def _place(number: int) -> SeatOffer:
    return SeatOffer(id=f"P-GA-{number}", price=45, section="P", row="GA", number=str(number), general_admission=True)


def test_places_are_counted_not_named() -> None:
    places = [_place(17), _place(18)]
    assert seats(places) == "section P, 2 general admission"
    told = seats_with_prices(places, "USD", "side by side")
    assert told == "section P, 2 general admission: $45.00 each, $90.00 for 2 before any fees"
    assert seats([_place(17)]) == "section P, 1 general admission"

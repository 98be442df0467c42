"""General admission: found by what customers call it, and told without rows and seat numbers."""

from __future__ import annotations

from typing import Any

import pytest

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


@pytest.fixture
def stadium(office: Any) -> Any:
    """A show with dear seats, which a search without a section offers first, and cheaper standing."""
    gala = office.shows["EV_GALA"]
    show = type(gala)("EV_ECHO", "Echo Canyon", gala.starts_at, "Los Angeles", "Pacific Bowl", "music")
    dear = [
        SeatOffer(id=f"{section}-3-{n}", price=price, section=section, row="3", number=str(n))
        for section, price in (("109", 165.0), ("301", 38.0))
        for n in range(1, 9)
    ]
    show.seats = {seat.id: seat for seat in [*dear, *(_place(n) for n in range(1, 41))]}
    show.section_names = {"109": "Midfield 109", "301": "Upper Deck 301", "P": "Pitch Standing"}
    office.shows[show.event_id] = show
    return show


def _sections_held(office: Any) -> list[str]:
    return [seat["section"] for hold in office.holds.values() for seat in hold["seats"]]


@pytest.mark.parametrize(
    "words",
    [
        "2 standing tickets for Echo Canyon",
        "2 Pitch Standing tickets for Echo Canyon",
        "2 tickets for Echo Canyon, section Pitch Standing",
        "2 tickets for Echo Canyon on the pitch",
        "2 tickets for Echo Canyon in P",
        "2 tickets for Echo Canyon in section P",
        "2 tickets for Echo Canyon, we want to stand",
        "2 general admission tickets for Echo Canyon",
        "2 GA tickets for Echo Canyon",
        "2 pit tickets for Echo Canyon",
        "2 tickets for echo canyon, floor standing please",
    ],
)
def test_places_are_bought_by_what_customers_call_them(chat: Any, office: Any, stadium: Any, words: str) -> None:
    chat.say(words)
    assert _sections_held(office) == ["P", "P"]


@pytest.mark.parametrize(
    ("words", "section"),
    [
        ("2 Midfield tickets for Echo Canyon", "109"),
        ("2 tickets for Echo Canyon in the upper deck", "301"),
        ("2 tickets for Echo Canyon, not standing, the cheapest", "301"),
        ("2 tickets for Echo Canyon, we can't stand", "109"),
    ],
)
def test_other_sections_are_bought_by_name(chat: Any, office: Any, stadium: Any, words: str, section: str) -> None:
    chat.say(words)
    assert _sections_held(office) == [section, section]


@pytest.mark.parametrize(
    "words", ["standing please", "no, in Pitch Standing", "on the pitch", "we want to stand", "section P", "in P"]
)
def test_an_open_offer_is_changed_to_standing(chat: Any, stadium: Any, words: str) -> None:
    chat.say("Echo Canyon")
    assert "section 109" in chat.say("2")
    assert "section P, 2 general admission" in chat.say(words)


@pytest.mark.parametrize("words", ["standing", "general admission", "GA", "Orchestra"])
def test_a_wish_that_fits_nothing_is_owned_up_to(chat: Any, office: Any, stadium: Any, words: str) -> None:
    stadium.seats = {id: seat for id, seat in stadium.seats.items() if not seat.general_admission}
    reply = chat.say(f"2 tickets for Echo Canyon, {words}")
    assert "There is no “" in reply
    assert "Midfield" in reply
    assert office.holds == {}


def test_standing_that_is_gone_is_told_by_its_name(chat: Any, office: Any, stadium: Any) -> None:
    reply = chat.say("60 or so... no, 2 standing tickets for Echo Canyon under $40 each")
    assert "I found no free seats in Pitch Standing" in reply
    assert office.holds == {}


def test_a_title_is_no_wish_to_stand(chat: Any, office: Any) -> None:
    office.shows["EV_ADELE"].name = "Still Standing"
    chat.say("2 tickets for Still Standing")
    assert len(_sections_held(office)) == 2

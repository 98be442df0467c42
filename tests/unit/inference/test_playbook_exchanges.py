"""Exchanging tickets: which order, what instead, the seats held, one proposal; and what is given back when it ends."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def two_orders(office: Any, bought: Any) -> tuple[str, str]:
    """An order for the Saturday game, and one for Adele."""
    show = office.shows["EV_ADELE"]
    other = office.order_of(show, [show.seats.pop("C-9-1").model_dump()])
    return bought["order_id"], other["order_id"]


@pytest.fixture
def four(office: Any) -> str:
    """An order of four seats for the Friday game."""
    show = office.shows["EV_SHARKS_FRI"]
    order = office.order_of(show, [show.seats.pop(f"B-3-{n}").model_dump() for n in range(1, 5)])
    return str(order["order_id"])


def proposed(chat: Any, office: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the exchange that waits for a yes, and its hold."""
    assert chat.proposal is not None
    assert chat.proposal[1] == "exchange_order"
    return chat.proposal[2], office.holds[chat.proposal[2]["hold_id"]]


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("could u swap my sat tickets for the kings game on friday", "EV_SHARKS_FRI"),
        ("I need to exchange my tickets for Hamlet please", "EV_HAMLET"),
        ("can we trade our tickets in for adele live?", "EV_ADELE"),
        ("pls move my tickets to Adele", "EV_ADELE"),
        ("rebook my order to the hamlet matinee", "EV_HAMLET"),
        ("i'd rather go to hamlet than the sharks game, can you switch our tickets", "EV_HAMLET"),
        ("Change my Sharks vs Ducks tickets to Hamlet.", "EV_HAMLET"),
        ("is it possible to swap these tickets for hamlet", "EV_HAMLET"),
        ("switch my tickets to friday", "EV_SHARKS_FRI"),
        ("hi there, wanna exchange my booking for the Adele concert thx", "EV_ADELE"),
    ],
)
def test_tickets_are_exchanged_for_another_event(chat: Any, office: Any, bought: Any, words: str, event: str) -> None:
    reply = chat.say(words)
    for _ in range(2):  # where the words leave it open, the nearest is asked about first
        reply = chat.say("yes") if chat.proposal is None else reply
    arguments, hold = proposed(chat, office)
    assert arguments == {"order_id": bought["order_id"], "hold_id": hold["hold_id"]}
    assert hold["event_id"] == event
    assert len(hold["seats"]) == 2
    reply = chat.say("yes", consent="yes")
    assert "Your tickets are exchanged" in reply
    assert office.orders[bought["order_id"]]["status"] == "exchanged"


@pytest.mark.parametrize(
    "words",
    ["exchange my tickets", "i wanna swap my seats", "can i exchange these tickets pls", "I'd like an exchange"],
)
@pytest.mark.parametrize("instead", ["hamlet", "for Hamlet on sunday", "the theatre thing, Hamlet"])
def test_what_instead_is_asked_for(chat: Any, office: Any, bought: Any, words: str, instead: str) -> None:
    assert "What would you like instead" in chat.say(words)
    chat.say(instead)
    _, hold = proposed(chat, office)
    assert hold["event_id"] == "EV_HAMLET"


@pytest.mark.parametrize("words", ["swap my tickets for section B", "exchange my seats for 2 in section B, same game"])
def test_other_seats_of_the_same_event(chat: Any, office: Any, bought: Any, words: str) -> None:
    chat.say(words)
    _, hold = proposed(chat, office)
    assert hold["event_id"] == "EV_SHARKS_SAT"
    assert {seat["section"] for seat in hold["seats"]} == {"B"}


def test_other_seats_without_terms_are_shown_before_they_are_held(chat: Any, office: Any, bought: Any) -> None:
    chat.say("id like to exchange my tickets")
    assert "Shall I hold them for you?" in chat.say("other seats")
    assert not office.holds
    chat.say("yes go on")
    proposed(chat, office)


def test_which_order_is_asked_where_there_are_two(chat: Any, office: Any, two_orders: tuple[str, str]) -> None:
    reply = chat.say("exchange my tickets for hamlet")
    assert all(order in reply for order in two_orders)
    chat.say("2")
    arguments, hold = proposed(chat, office)
    assert arguments["order_id"] == two_orders[1]
    assert len(hold["seats"]) == 1


def test_the_order_named_is_the_one_given_up(chat: Any, office: Any, two_orders: tuple[str, str]) -> None:
    chat.say("exchange my adele ticket for hamlet")
    assert proposed(chat, office)[0]["order_id"] == two_orders[1]


def test_a_part_of_an_order(chat: Any, office: Any, four: str) -> None:
    assert "Which of these seats" in chat.say("swap two of my tickets for hamlet")
    chat.say("the first two")
    arguments, hold = proposed(chat, office)
    assert arguments["seat_ids"] == ["B-3-1", "B-3-2"]
    assert len(hold["seats"]) == 2
    assert "keeps your other tickets" in chat.say("ok do it", consent="yes")


@pytest.mark.parametrize("words", ["no", "nah dont", "no forget it"])
def test_a_declined_exchange_gives_the_new_seats_back(chat: Any, office: Any, bought: Any, words: str) -> None:
    chat.say("exchange my tickets for hamlet")
    assert "your tickets stay as they are" in chat.say(words, consent="no")
    assert not office.holds
    assert office.orders[bought["order_id"]]["status"] == "confirmed"


def test_another_section_is_wished_for_while_it_is_proposed(chat: Any, office: Any, bought: Any) -> None:
    chat.say("exchange my tickets for hamlet")
    chat.say("no, in section C please", consent="no")
    arguments, hold = proposed(chat, office)
    assert arguments["order_id"] == bought["order_id"]
    assert {seat["section"] for seat in hold["seats"]} == {"C"}
    assert len(office.holds) == 1


def test_a_question_in_between_is_answered_and_the_exchange_goes_on(chat: Any, office: Any, bought: Any) -> None:
    chat.say("exchange my tickets")
    reply = chat.say("do i get to park there?")
    assert "Lot C" in reply
    assert "What would you like instead" in reply
    chat.say("hamlet")
    proposed(chat, office)


def test_outside_the_policy_the_seats_go_back_and_the_ways_on_are_told(chat: Any, office: Any, bought: Any) -> None:
    office.fail["quote:exchange_order"] = [("outside_policy", "Exchanges for this event ended on Thu 19 Nov 2026.")]
    reply = chat.say("exchange my tickets for hamlet")
    assert "Exchanges for this event ended" in reply
    assert "store credit" in reply
    assert not office.holds
    chat.say("store credit then")
    assert chat.proposal is not None
    assert chat.proposal[1] == "credit_order"


def test_a_purchase_after_a_dropped_exchange_is_no_exchange(chat: Any, office: Any, bought: Any) -> None:
    chat.say("exchange my tickets for hamlet")
    chat.say("no", consent="no")
    chat.say("buy 2 tickets for Adele")
    assert chat.proposal is not None
    assert chat.proposal[1] == "create_order"


def test_nothing_to_exchange(chat: Any) -> None:
    assert "no order of yours" in chat.say("swap my tickets for hamlet")
    assert chat.turn_calls == ["list_orders"]


def test_whether_it_is_possible_at_all_is_a_question(chat: Any, office: Any, bought: Any) -> None:
    chat.say("show my orders")
    chat.say("what is your exchange policy?")
    assert chat.proposal is None
    assert not office.holds

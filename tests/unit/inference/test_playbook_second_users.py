"""What customers meant by keeping, pointing elsewhere, coming along, other dates, areas of the house and slips."""

from __future__ import annotations

from typing import Any

import pytest

from usher_inference.playbook import Heard


@pytest.mark.parametrize("words", ["I'd sooner keep them", "changed my mind about that", "let them be"])
def test_a_refused_refund_leaves_nothing_for_a_later_yes(chat: Any, office: Any, bought: Any, words: str) -> None:
    chat.say("could you refund my order")
    chat.say("do they sell food there?")
    assert "stays as it is" in chat.say(words, consent="no")
    chat.say("yes")
    assert chat.proposal is None
    assert office.orders[bought["order_id"]]["status"] == "confirmed"


@pytest.mark.parametrize("words", ["hang on", "wait", "let me think about it"])
def test_hesitation_before_a_refund_claims_nothing(chat: Any, bought: Any, words: str) -> None:
    chat.say("please refund my tickets")
    reply = chat.say(words)
    assert "without your yes" in reply
    assert "stays as it is" not in reply
    assert chat.turn_calls == []


def test_held_seats_are_no_order_to_give_back(chat: Any, office: Any, bought: Any) -> None:
    chat.say("hold 2 for Hamlet")
    chat.say("refund my tickets")
    reply = chat.say("no, the hamlet ones")
    assert "only held, not bought" in reply
    reply = chat.say("refund my hamlet tickets")
    assert "only held, not bought" in reply


def test_an_offer_that_was_taken_back_is_made_anew(chat: Any, bought: Any) -> None:
    chat.say("refund my tickets")
    id = chat.proposal[0]
    chat.history.append(
        Heard("system", f"The proposal {id} was taken back; nothing was charged. A new quote is needed.")
    )
    chat.proposal = None
    chat.say("refund my tickets")
    assert chat.proposal is not None


def test_a_yes_written_before_the_offer_was_shown_is_told_so(chat: Any) -> None:
    chat.say("buy 2 tickets for Adele")
    chat.history.append(Heard("user", "sure"))
    note = f"The message was written before the proposal {chat.proposal[0]} was shown: it does not answer it."
    chat.history.append(Heard("system", note))
    reply = chat.act().text
    assert "before my offer was shown" in reply
    assert "without a clear yes" not in reply


@pytest.mark.parametrize("words", ["yes", "sure", "ok"])
def test_a_bare_yes_does_not_take_a_declined_purchase_up(chat: Any, office: Any, words: str) -> None:
    chat.say("buy 2 tickets for Adele")
    chat.say("no thanks", consent="no")
    chat.say("forget what you know about me")
    chat.say(words)
    assert not office.holds
    assert chat.proposal is None


@pytest.mark.parametrize(
    "words",
    [
        "an accessible spot and a seat for my carer for Adele",
        "one wheelchair space with a companion for Adele",
        "I need 1 wheelchair place and 1 carer seat for Adele please",
        "wheelchair + companion for adele",
    ],
)
def test_a_wheelchair_place_and_a_companion_are_two_seats(chat: Any, office: Any, words: str) -> None:
    reply = chat.say(words)
    if chat.proposal is None:
        assert "accessible" in reply
        chat.say("yes")
    (hold,) = office.holds.values()
    assert len(hold["seats"]) == 2
    assert any(seat["accessible"] for seat in hold["seats"])
    assert "accessible" in chat.say("yes", consent="yes")


@pytest.mark.parametrize("words", ["swap my tickets for another night", "can I exchange them for a different day"])
def test_an_exchange_for_another_date_of_the_only_one(chat: Any, office: Any, bought: Any, words: str) -> None:
    chat.say("show my orders")
    del office.shows["EV_SHARKS_FRI"]
    reply = chat.say(words)
    assert "no other dates for Sharks vs Ducks" in reply
    assert "found no events" not in reply


def test_other_dates_keep_the_section_and_leave_the_held_show_out(chat: Any, office: Any, bought: Any) -> None:
    office.shows["EV_SHARKS_FRI"].name = "Sharks vs Ducks"
    chat.say("exchange my order")
    reply = chat.say("which other nights are there?")
    for _ in range(2):
        reply = chat.say("yes") if chat.proposal is None else reply
    assert chat.proposal[1] == "exchange_order"
    (hold,) = office.holds.values()
    assert hold["event_id"] == "EV_SHARKS_FRI"
    assert {seat["section"] for seat in hold["seats"]} == {"C"}


def test_other_dates_of_an_event_with_one(chat: Any) -> None:
    assert "no other dates" in chat.say("are there any other nights for Hamlet?")


@pytest.mark.parametrize(
    ("words", "section"),
    [
        ("upgrade me to the floor", "A1"),
        ("I want to upgrade to the terrace please", "B7"),
        ("upgrade to terrace", "B7"),
    ],
)
def test_an_area_of_the_house_is_upgraded_to_by_its_name(
    chat: Any, office: Any, bought: Any, words: str, section: str
) -> None:
    show = office.shows["EV_SHARKS_SAT"]
    show.seats = {
        id: seat.model_copy(update={"section": {"A": "A1", "B": "B7"}.get(seat.section, seat.section)})
        for id, seat in show.seats.items()
    }
    show.section_names = {"A1": "Floor 1", "B7": "Terrace 7", "C": "Gallery 3"}
    chat.say(words)
    assert chat.proposal[2]["target_section"] == section


@pytest.mark.parametrize(
    "words",
    [
        "Hi, I'm called Ann Lee, my email is ann@example.org. 2 tickets for Hamlet please",
        "My name's Rob Fox and I want 2 tickets for Hamlet",
        "This is Mia Stone. I live at 5 Lake Road, Oakland. Get me 2 for Hamlet.",
    ],
)
def test_an_introduction_names_no_event(chat: Any, office: Any, words: str) -> None:
    chat.say(words)
    if chat.proposal is None:
        chat.say("yes")
    (hold,) = office.holds.values()
    assert hold["event_id"] == "EV_HAMLET"
    assert len(hold["seats"]) == 2


def test_the_number_survives_the_choice_from_a_list(chat: Any, office: Any) -> None:
    assert "Which one" in chat.say("2 seats together near the aisle in oakland this week")
    chat.say("the second one")
    if chat.proposal is None:
        chat.say("yes")
    (hold,) = office.holds.values()
    assert len(hold["seats"]) == 2


@pytest.mark.parametrize("words", ["I'd like to complain", "I have a complaint", "i wanna complain about my seats"])
def test_a_complaint_is_no_event(chat: Any, words: str) -> None:
    chat.say(words)
    assert "search_events" not in chat.turn_calls


def test_slips_of_the_finger(chat: Any, office: Any) -> None:
    chat.say("can we buy too tciket for teh sharks tonite")
    chat.say("want too tikcets for teh sharks tonite")
    chat.say("is the cheapest ones")
    if chat.proposal is None:
        chat.say("yes")
    (hold,) = office.holds.values()
    assert len(hold["seats"]) == 2
    assert {seat["price"] for seat in hold["seats"]} == {35.0}

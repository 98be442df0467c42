"""Second thoughts, corrections and refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest


def only_order(office: Any) -> dict[str, Any]:
    [order] = office.orders.values()
    return order


@pytest.fixture
def proposed(chat: Any) -> Any:
    """A conversation in which two seats for Adele wait for a yes."""
    chat.say("buy 2 tickets for Adele in section B")
    assert chat.proposal is not None
    return chat


@pytest.mark.parametrize(
    ("change", "event", "seats"),
    [
        ("no, four", "EV_ADELE", ["B-3-1", "B-3-2", "B-3-3", "B-3-4"]),
        ("no, too expensive", "EV_ADELE", ["C-9-1", "C-9-2"]),
        ("no, the cheaper ones", "EV_ADELE", ["C-9-1", "C-9-2"]),
        ("no, section C please", "EV_ADELE", ["C-9-1", "C-9-2"]),
        ("no, Hamlet instead", "EV_HAMLET", None),
    ],
)
def test_a_no_with_a_correction_leads_to_a_new_proposal(
    proposed: Any, office: Any, change: str, event: str, seats: list[str] | None
) -> None:
    proposed.say(change, consent="no")
    assert "release_hold" in proposed.turn_calls
    assert len(office.holds) == 1
    assert proposed.proposal is not None
    proposed.say("yes", consent="yes")
    assert only_order(office)["event_id"] == event
    if seats:
        assert [seat["id"] for seat in only_order(office)["seats"]] == seats


def test_another_day_is_another_event(chat: Any, office: Any) -> None:
    chat.say("2 tickets for the Sharks tonight")
    chat.say("no, actually Saturday", consent="no")
    chat.say("yes", consent="yes")
    assert only_order(office)["event_id"] == "EV_SHARKS_SAT"
    assert not office.holds


@pytest.mark.parametrize("words", ["no", "no thanks", "forget it", "cancel"])
def test_a_plain_no_gives_the_seats_back(proposed: Any, office: Any, words: str) -> None:
    reply = proposed.say(words, consent="no")
    assert proposed.turn_calls == ["release_hold"]
    assert not office.holds
    assert not office.orders
    assert "nothing was charged" in reply


def test_time_to_think_keeps_the_seats(proposed: Any, office: Any) -> None:
    assert "No hurry" in proposed.say("hmm, let me think about it")
    assert office.holds
    proposed.say("ok, yes", consent="yes")
    assert only_order(office)["total"] == 187.5


def test_a_change_without_a_clear_no_replaces_the_proposal(proposed: Any, office: Any) -> None:
    first = proposed.proposal
    proposed.say("could you make it 3 tickets?")
    assert proposed.proposal != first
    assert len(office.holds) == 1
    assert len(next(iter(office.holds.values()))["seats"]) == 3


def test_a_question_leaves_the_proposal_alone(proposed: Any, office: Any) -> None:
    first = proposed.proposal
    assert "Lot C" in proposed.say("is there parking?")
    assert proposed.proposal == first
    assert "$187.50" in proposed.say("how much is that in total?")
    assert office.holds


def test_an_unclear_answer_to_a_proposal_charges_nothing(proposed: Any, office: Any) -> None:
    reply = proposed.say("purple monkey dishwasher")
    assert proposed.turn_calls == [] or "create_order" not in proposed.turn_calls
    assert not office.orders
    assert reply


def test_no_to_an_offer_holds_nothing(chat: Any, office: Any) -> None:
    chat.say("I'd like to see Adele with my wife")
    reply = chat.say("no thanks")
    assert not office.holds
    assert "haven't taken" in reply


def test_release_when_asked(chat: Any, office: Any) -> None:
    chat.say("hold 2 seats for Hamlet for me")
    chat.say("please release the hold")
    assert not office.holds
    assert "holding no seats" in chat.say("please release the hold")


def test_goodbye_gives_held_seats_back(chat: Any, office: Any) -> None:
    chat.say("hold 2 seats for Hamlet for me")
    chat.say("bye")
    assert not office.holds


def test_an_expired_hold_is_owned_up_to(proposed: Any, office: Any) -> None:
    office.now += timedelta(minutes=10)
    reply = proposed.say("yes", consent="yes")
    assert reply.count("ran out") == 1
    assert "nothing was charged" in reply.lower()
    assert proposed.proposal is None
    proposed.say("yes")
    assert proposed.proposal is not None


def test_a_new_wish_after_the_hold_ran_out_looks_again(proposed: Any, office: Any) -> None:
    office.now += timedelta(minutes=10)
    proposed.say("what about section C?")
    assert "release_hold" not in proposed.turn_calls
    assert "check_inventory" in proposed.turn_calls


def test_a_second_purchase_starts_afresh(proposed: Any, office: Any) -> None:
    proposed.say("yes", consent="yes")
    assert "How many" in proposed.say("I also want tickets for Hamlet")
    proposed.say("1")
    proposed.say("yes", consent="yes")
    assert sorted(order["event_id"] for order in office.orders.values()) == ["EV_ADELE", "EV_HAMLET"]


def test_a_proposal_that_ran_out_is_made_anew(proposed: Any, office: Any) -> None:
    proposed.say("yes", consent="expired")
    assert proposed.turn_calls == ["create_order"]
    assert proposed.proposal is not None
    assert not office.orders


def test_a_goodbye_word_is_no_second_purchase(proposed: Any, office: Any) -> None:
    proposed.say("yes", consent="yes")
    proposed.say("great, thanks!")
    proposed.say("yes")
    assert proposed.turn_calls == []
    assert len(office.orders) == 1

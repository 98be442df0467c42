"""Events that are cancelled while customers talk of them, or after they bought."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def called_off(office: Any) -> tuple[str, str]:
    """The box office's refusal."""
    return ("event_cancelled", "Adele Live has been cancelled")


def test_a_yes_to_an_order_of_a_cancelled_event_gets_one_honest_reply(
    chat: Any, office: Any, called_off: tuple[str, str]
) -> None:
    chat.say("buy 2 tickets for Adele")
    office.fail["create_order"] = [called_off]
    reply = chat.say("yes", consent="yes")
    assert reply.count("Adele Live") == 1
    assert "is off, so there is no order" in reply
    assert "held" not in reply
    assert "again" not in reply
    chat.say("yes")
    assert "create_order" not in chat.turn_calls


def test_the_same_event_on_another_date_is_named(chat: Any, office: Any, called_off: tuple[str, str]) -> None:
    show = office.shows["EV_ADELE"]
    other = type(show)("EV_ADELE_2", "Adele Live", show.starts_at.replace(day=30), show.city, show.venue, "music")
    other.seats = dict(show.seats)
    chat.say("buy 2 tickets for Adele")
    office.shows["EV_ADELE_2"] = other
    office.fail["create_order"] = [called_off]
    assert "Mon 30 Nov 2026" in chat.say("yes", consent="yes")


def test_a_yes_to_seats_of_a_cancelled_event_tries_no_others(
    chat: Any, office: Any, called_off: tuple[str, str]
) -> None:
    chat.say("Adele Live")
    assert "Shall I hold" in chat.say("2")
    office.fail["hold_tickets"] = [called_off]
    reply = chat.say("yes")
    assert "was cancelled" in reply
    assert "other seats" not in reply


def test_seats_of_an_event_just_cancelled_are_not_looked_for_again(
    chat: Any, office: Any, called_off: tuple[str, str]
) -> None:
    office.fail["check_inventory"] = [called_off]
    reply = chat.say("buy 2 tickets for Adele")
    assert "was cancelled" in reply
    assert "other seats" not in reply


def test_an_upgrade_for_a_cancelled_event_points_to_the_refund(chat: Any, office: Any, bought: Any) -> None:
    office.fail["upgrade_tickets"] = [("event_cancelled", "Sharks vs Ducks has been cancelled")]
    chat.say("upgrade my seats to section A")
    reply = chat.say("yes", consent="yes")
    assert "refunds the orders" in reply
    assert "stays as it is" not in reply


def test_no_second_ticket_is_offered_for_what_a_person_has(chat: Any, office: Any, bought: Any) -> None:
    detail = "Refunds end 48 hours before the event. Our staff will look at it: ticket SUP_0042."
    office.fail["refund_order"] = [("outside_policy", detail)]
    chat.say("refund my order")
    reply = chat.say("yes", consent="yes")
    assert "SUP_0042" in reply
    assert "pass this on" not in reply
    chat.say("yes")
    assert office.tickets == []


@pytest.fixture
def given_back(office: Any, bought: Any) -> Any:
    """An order that the cancellation of its event gave back, as the box office shows it."""
    history = [
        {"at": "2026-11-01T10:00:00Z", "change": "Bought C-9-1, C-9-2", "amount": 87.5},
        {
            "at": "2026-11-19T10:00:00Z",
            "change": "Refunded C-9-1, C-9-2 (the event was cancelled: storm damage)",
            "amount": -87.5,
        },
    ]
    bought.update(status="refunded", seats=[], total=0.0, history=history)
    office.shows["EV_SHARKS_SAT"].status = "cancelled"
    return bought


@pytest.mark.parametrize(
    "words",
    [
        "What happened to my order {id}?",
        "what happened to my order?",
        "show my orders",
        "Why was Sharks vs Ducks cancelled? do I get my money back?",
        "was my show cancelled?",
        "did I get my refund?",
    ],
)
def test_a_cancellation_is_told_with_its_reason_and_the_money(chat: Any, given_back: Any, words: str) -> None:
    reply = chat.say(words.format(id=given_back["order_id"]))
    assert "the event was cancelled (storm damage)" in reply
    assert "$87.50" in reply
    assert "no seats, $0.00" not in reply


def test_a_cancellation_is_told_to_who_did_not_buy(chat: Any, office: Any) -> None:
    office.shows["EV_ADELE"].status = "cancelled"
    assert "was cancelled" in chat.say("Why was Adele Live cancelled?")


def test_money_back_is_still_the_policy_where_nothing_was_cancelled(chat: Any, bought: Any) -> None:
    assert "48 hours before" in chat.say("can I get my money back for Sharks vs Ducks if I can't come?")


def test_what_would_be_is_no_question_of_what_was(chat: Any, given_back: Any) -> None:
    assert "storm damage" not in chat.say("what if the show is cancelled?")

"""Parts of orders, store credit, tickets and receipts, support tickets, upgrades while the event runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest


@pytest.fixture
def four(office: Any) -> str:
    """An order of four seats, B-3-1 to B-3-4, for the Friday game."""
    show = office.shows["EV_SHARKS_FRI"]
    return str(office.order_of(show, [show.seats.pop(f"B-3-{n}").model_dump() for n in range(1, 5)])["order_id"])


@pytest.mark.parametrize(
    ("said", "seats"),
    [
        (("refund 2 of my tickets", "the last two"), ["B-3-3", "B-3-4"]),
        (("can i give back just one ticket?", "3"), ["B-3-3"]),
        (("i need a refund for some of them", "seats 1 and 4"), ["B-3-1", "B-3-4"]),
        (("two of us cant come, refund 2 tickets", "doesnt matter which"), ["B-3-3", "B-3-4"]),
        (("refund one of my seats pls", "the first one"), ["B-3-1"]),
        (("I want to return 3 of the tickets", "2, 3 and 4"), ["B-3-2", "B-3-3", "B-3-4"]),
        (("refund a couple of my tickets", "1 n 2"), ["B-3-1", "B-3-2"]),
        (("refund two of my four tickets", "whichever, you pick"), ["B-3-3", "B-3-4"]),
    ],
)
def test_some_seats_are_asked_about_then_refunded(
    chat: Any, office: Any, four: str, said: tuple[str, str], seats: list[str]
) -> None:
    assert "Which seats should I refund" in chat.say(said[0])
    assert chat.proposal is None
    chat.say(said[1])
    assert chat.proposal is not None
    assert chat.proposal[1:] == ("refund_order", {"order_id": four, "seat_ids": seats})


@pytest.mark.parametrize(
    "words", ["refund all 4 tickets", "refund my 4 tickets", "i want to refund all of them", "refund everything"]
)
def test_all_seats_need_no_question(chat: Any, office: Any, four: str, words: str) -> None:
    chat.say(words)
    assert chat.proposal is not None
    assert chat.proposal[2] == {"order_id": four}


@pytest.mark.parametrize("answer", ["9", "seat 77", "hmm"])
def test_seats_that_are_not_there_are_not_guessed(chat: Any, office: Any, four: str, answer: str) -> None:
    chat.say("refund one of my tickets")
    chat.say(answer)
    assert chat.proposal is None


def test_more_than_there_are(chat: Any, office: Any, four: str) -> None:
    assert "4 tickets" in chat.say("refund 6 tickets")
    assert chat.proposal is None


def test_another_seat_while_it_is_proposed(chat: Any, office: Any, four: str) -> None:
    chat.say("refund seat 3")
    chat.say("no sorry, seat 4", consent="no")
    assert chat.proposal is not None
    assert chat.proposal[2]["seat_ids"] == ["B-3-4"]


@pytest.mark.parametrize(
    "words",
    [
        "can i get store credit for my tickets instead of a refund",
        "id rather have credit for my order",
        "give me a voucher for my tickets",
        "turn my tickets into store credit please",
        "Could I take store credit for order {id}?",
    ],
)
def test_store_credit_for_tickets(chat: Any, office: Any, four: str, words: str) -> None:
    chat.say(words.format(id=four))
    assert chat.proposal is not None
    assert chat.proposal[1:] == ("credit_order", {"order_id": four})
    assert "$360.00 more store credit" in chat.say("yes", consent="yes")


@pytest.mark.parametrize(
    "words",
    [
        "how much store credit do i have?",
        "whats my credit balance",
        "do I have any credit left",
        "check my store credit pls",
    ],
)
def test_the_balance(chat: Any, office: Any, words: str) -> None:
    office.credit = 42.5
    assert "$42.50" in chat.say(words)
    assert chat.turn_calls == ["get_credit"]


def test_the_balance_in_the_middle_of_a_purchase(chat: Any, office: Any) -> None:
    chat.say("tickets for adele")
    reply = chat.say("do i have store credit?")
    assert "no store credit" in reply
    assert "How many tickets would you like?" in reply
    chat.say("2")
    assert chat.proposal is not None


def test_credit_can_be_kept(chat: Any, office: Any) -> None:
    chat.say("buy 2 tickets for adele but don't use my store credit")
    assert chat.proposal is not None
    assert chat.proposal[2]["use_credit"] is False


@pytest.mark.parametrize(
    "words",
    [
        "where are my tickets?",
        "send me my tickets",
        "i need the qr code",
        "how do i get my e-tickets",
        "i never got my tickets by email",
    ],
)
def test_where_the_tickets_are(chat: Any, office: Any, four: str, words: str) -> None:
    reply = chat.say(words)
    assert "in your account" in reply or four in reply
    assert "QR" in reply or "seats 1 to 4" in reply


@pytest.mark.parametrize(
    "words", ["can i have a receipt", "need an invoice for my order", "email me the receipt please"]
)
def test_a_receipt(chat: Any, office: Any, four: str, words: str) -> None:
    reply = chat.say(words)
    assert "in your account" in reply
    assert "$367.50" in reply


@pytest.mark.parametrize("words", ["i want to make a complaint", "open a support ticket", "hi, i have a problem"])
def test_a_support_ticket_is_opened_with_what_was_asked_for(chat: Any, office: Any, words: str) -> None:
    assert "What should I tell our staff?" in chat.say(words)
    assert not office.tickets
    assert "SUP_" in chat.say("the usher was rude and our seats were wet")
    assert "our seats were wet" in office.tickets[0]["details"]


def test_trouble_told_first_is_in_the_ticket(chat: Any, office: Any, four: str) -> None:
    assert "pass this on to a person" in chat.say("you charged me twice for friday")
    chat.say("yes please")
    assert "charged me twice" in office.tickets[0]["details"]
    assert "charge" in office.tickets[0]["subject"]


@pytest.mark.parametrize("words", ["we're at the game, can we upgrade to section A?", "upgrade my seats to section A"])
def test_an_upgrade_while_the_event_runs_is_for_the_policy_to_decide(
    chat: Any, office: Any, four: str, words: str
) -> None:
    office.now += timedelta(hours=10)  # half an hour after the start
    chat.say(words)
    assert chat.proposal is not None
    assert chat.proposal[1] == "upgrade_tickets"


def test_an_upgrade_that_the_policy_refuses(chat: Any, office: Any, four: str) -> None:
    office.now += timedelta(hours=10)
    office.fail["quote:upgrade_tickets"] = [("outside_policy", "There are no upgrades during the event.")]
    reply = chat.say("upgrade my seats to section A")
    assert "no upgrades during the event" in reply
    assert "stays as it is" in reply

"""The rules of giving tickets back, asked before buying and of one's own tickets; ways out for tickets of no use."""

from __future__ import annotations

from typing import Any

import pytest

from usher_inference.playbook.errands import split
from usher_inference.understanding.rules import asked_rule


@pytest.mark.parametrize(
    "question",
    [
        "suppose we book Hamlet and one of us falls ill, is there a refund?",
        "before I order anything: can I return seats for Adele?",
        "until when can one cancel tickets for Hamlet?",
        "if I get tickets to Adele and something comes up, would I see my money back?",
        "what happens to my money if Hamlet is rained off?",
    ],
)
def test_a_rule_asked_before_buying_is_told_and_nothing_is_bought(chat: Any, question: str) -> None:
    assert "48 hours before" in chat.say(question)
    assert set(chat.turn_calls) <= {"search_events", "get_event_info"}


@pytest.mark.parametrize(
    "words",
    ["get 2 tickets to Adele", "refund my tickets if you can", "I already bought them, if I get ill can I cancel?"],
)
def test_a_request_is_no_question_for_a_rule(words: str) -> None:
    assert asked_rule(words) is None


def test_a_supposed_purchase_is_one_question() -> None:
    assert len(split("Say I get 2 for Hamlet and then my plans change, do you refund me?")) == 1


@pytest.mark.parametrize(
    "question", ["can my Sharks tickets still be refunded, is that possible?", "are my seats refundable"]
)
def test_a_rule_asked_of_own_tickets_is_that_of_their_event(chat: Any, bought: dict[str, Any], question: str) -> None:
    reply = chat.say(question)
    assert "48 hours" in reply
    assert "Which event" not in reply


@pytest.mark.parametrize(
    "words",
    [
        "I've got the flu, what are our choices with the tickets?",
        "what should I do with my Sharks tickets?",
        "we won't be able to use our seats",
        "an emergency at work, is there anything that can be done?",
    ],
)
@pytest.mark.parametrize(("choice", "tool"), [("cash back please", "refund_order"), ("a voucher then", "credit_order")])
def test_tickets_of_no_use_have_ways_out(chat: Any, bought: dict[str, Any], words: str, choice: str, tool: str) -> None:
    reply = chat.say(words)
    assert "ORD_0001" in reply
    assert "refund, an exchange or store credit" in reply
    assert chat.proposal is None
    chat.say(choice)
    assert chat.proposal is not None
    assert chat.proposal[1] == tool


def test_the_way_of_an_exchange_asks_what_instead(chat: Any, bought: dict[str, Any]) -> None:
    chat.say("I've got the flu, what are our choices with the tickets?")
    assert "What would you like instead" in chat.say("then exchange them")


def test_no_way_is_chosen(chat: Any, bought: dict[str, Any]) -> None:
    chat.say("what can I do with our seats?")
    chat.say("nothing, never mind")
    assert chat.proposal is None
    assert chat.turn_calls == []


def test_a_day_without_the_event_offers_what_there_is(chat: Any, bought: dict[str, Any]) -> None:
    reply = chat.say("rebook to friday please")
    assert "nothing called" not in reply
    assert "Sharks vs Kings" in reply


def test_a_switch_of_days_with_an_order_at_hand_is_an_exchange(chat: Any, bought: dict[str, Any]) -> None:
    chat.say("which orders do I have?")
    assert "other date" in chat.say("could we move to friday?")


@pytest.mark.parametrize(("question", "answer"), [("is it for Sunday?", "Yes"), ("so is this on saturday?", "No")])
def test_the_day_of_what_was_bought(chat: Any, question: str, answer: str) -> None:
    chat.say("buy 2 tickets for Hamlet")
    chat.say("yes", consent="yes")
    assert chat.say(question).startswith(f"{answer}, Hamlet is on Sun 22 Nov 2026")


@pytest.mark.parametrize("words", ["ok book it", "yes please take them", "go ahead and pay"])
def test_a_yes_after_the_purchase_buys_no_more(chat: Any, words: str) -> None:
    chat.say("buy 2 tickets for Hamlet")
    chat.say("yes", consent="yes")
    assert "done already" in chat.say(words)


@pytest.mark.parametrize(
    "words",
    [
        "we're in the arena already and the front looks empty, may we sit there?",
        "the second half has begun, could we have something nearer?",
        "I can barely see the ice from here, anything better?",
    ],
)
def test_better_seats_while_it_runs_are_an_upgrade(chat: Any, bought: dict[str, Any], words: str) -> None:
    assert "budget for the upgrade" in chat.say(words)


@pytest.mark.parametrize(
    ("words", "second"),
    [
        ("3 hamlet seats & 2 adele", "2 tickets for adele"),
        ("2 adele tickets plus 1 hamlet ticket", "1 ticket for hamlet"),
    ],
)
def test_two_purchases_joined_by_a_sign(words: str, second: str) -> None:
    assert split(words)[1:] == (second,)


@pytest.mark.parametrize("words", ["2 hamlet tickets, 1 aisle", "2 adult tickets and 1 child for hamlet"])
def test_one_purchase_is_not_parted(words: str) -> None:
    assert split(words) == (words,)

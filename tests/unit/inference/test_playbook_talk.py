"""Questions answered from an event's data, and talk that needs no tool."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("What time does Adele start?", "Sat 28 Nov 2026, 20:00"),
        ("Is there parking at the Adele concert?", "Lot C"),
        ("Can I bring a bag to Adele Live?", "14 x 14"),
        ("when do doors open for Adele?", "90 minutes"),
        ("what is the refund policy for Adele?", "48 hours"),
        ("How much are tickets for Adele?", "from $35.00 to $150.00"),
        ("where is Adele playing?", "1 Arena Way"),
        ("how many seats are left for Adele?", "22 seats"),
        ("which sections are there for Adele?", "Section B"),
        ("is Adele wheelchair accessible?", "2 accessible seats are free"),
    ],
)
def test_facts_come_from_the_event(chat: Any, question: str, fact: str) -> None:
    assert fact in chat.say(question)
    assert not {"hold_tickets", "create_order"} & set(chat.turn_calls)


def test_what_is_unknown_is_said_to_be_unknown(chat: Any) -> None:
    reply = chat.say("Is there vegan food at the Adele concert?")
    assert "no information" in reply


def test_a_question_without_an_event_asks_which_and_then_answers(chat: Any) -> None:
    assert "Which event" in chat.say("Is there parking?")
    assert "Lot C" in chat.say("Adele Live")


def test_a_question_interrupts_and_the_purchase_goes_on(chat: Any) -> None:
    chat.say("I want tickets for Adele")
    reply = chat.say("what time does it start?")
    assert "20:00" in reply
    assert "How many tickets" in reply
    chat.say("2")
    assert chat.proposal is not None


def test_questions_after_a_purchase_are_about_it(chat: Any) -> None:
    chat.say("buy 2 tickets for Adele")
    chat.say("yes", consent="yes")
    assert "Lot C" in chat.say("where can I park?")


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        ("hi", "Hello"),
        ("good evening", "Hello"),
        ("thank you!", "welcome"),
        ("goodbye", "Goodbye"),
        ("how are you?", "doing well"),
        ("who are you?", "automated"),
        ("are you a bot?", "automated"),
        ("what can you do?", "find events"),
        ("can you write me a poem?", "can't help with that"),
        ("what's the weather like?", "can't help with that"),
    ],
)
def test_small_talk_is_polite_and_calls_nothing(chat: Any, words: str, reply: str) -> None:
    assert reply in chat.say(words)
    assert chat.turn_calls == []


def test_after_two_misunderstandings_a_person_is_offered(chat: Any, office: Any) -> None:
    first = chat.say("???")
    assert "person" not in first
    assert "Shall I pass this on to a person?" in chat.say("!!!")
    chat.say("yes")
    assert office.tickets


def test_a_lower_case_name_is_found_among_what_is_on(chat: Any) -> None:
    chat.say("two for hamlet please")
    assert "Hamlet" in chat.say("ok") or chat.proposal


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        ("do you have student discounts?", "can't give discounts"),
        ("I lost my tickets", "support desk"),
        ("what payment methods do you accept?", "on file"),
        ("are there any booking fees?", "fees included"),
    ],
)
def test_matters_without_a_tool_get_an_honest_answer(chat: Any, words: str, reply: str) -> None:
    assert reply in chat.say(words)
    assert chat.turn_calls == []


def test_the_time_left_on_a_hold(chat: Any) -> None:
    chat.say("hold 2 seats for Hamlet for me")
    assert "for the next 5 minutes" in chat.say("how long do I have?")

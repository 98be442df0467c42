"""Plain questions first: hours before documents, a new question for an old one, whom tickets are for, own tickets."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "words",
    ["get me off that list", "please remove us", "take my name off the list", "we're done waiting", "drop me from it"],
)
def test_the_wait_list_is_left_in_other_words(chat: Any, office: Any, words: str) -> None:
    office.join_wait_list("EV_GALA", 2)
    chat.say("am I still on the waiting list?")
    assert "no longer wait for Winter Gala" in chat.say(words)
    assert "leave_wait_list" in chat.turn_calls


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("1 adult ticket and 2 children for Hamlet", 3),
        ("Hamlet please: two senior tickets plus a student ticket", 3),
        ("I need 2 adult seats, 1 senior seat and 1 child seat for Hamlet", 4),
        ("4 tickets for Hamlet, 2 adults and 2 kids", 4),
        ("2 adult tickets for Hamlet", 2),
    ],
)
def test_tickets_by_age_are_added_up(chat: Any, office: Any, words: str, count: int) -> None:
    chat.say(words)
    if chat.proposal is None:
        chat.say("yes")
    (hold,) = office.holds.values()
    assert len(hold["seats"]) == count


@pytest.mark.parametrize("words", ["what's my order number", "I forgot my booking reference", "need my ticket number"])
def test_a_number_of_ones_own_is_looked_up(chat: Any, bought: Any, words: str) -> None:
    assert bought["order_id"] in chat.say(words)


@pytest.mark.parametrize(
    "words", ["I haven't received any confirmation", "we never got an email", "where's my confirmation?"]
)
def test_a_message_that_never_came(chat: Any, bought: Any, words: str) -> None:
    reply = chat.say(words)
    assert "in your account" in reply
    assert bought["order_id"] in reply

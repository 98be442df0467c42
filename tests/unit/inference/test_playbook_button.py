"""A proposal turned down by its button instead of a message."""

from typing import Any


def test_the_seats_go_back(chat: Any, office: Any) -> None:
    chat.say("Two tickets for the Sharks tonight, please")
    assert chat.proposal
    assert office.holds
    reply = chat.press_no()
    assert chat.turn_calls == ["release_hold"]
    assert "nothing was charged" in reply
    assert chat.proposal is None


def test_also_after_a_question(chat: Any) -> None:
    chat.say("Two tickets for the Sharks tonight, please")
    chat.say("is there parking?")
    assert "nothing was charged" in chat.press_no()
    assert chat.turn_calls == ["release_hold"]

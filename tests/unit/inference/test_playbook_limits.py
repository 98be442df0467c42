"""No limit to what something may cost, prices that are alike, and trying again in other words than a yes."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "words",
    [
        "cost isn't an issue",
        "there's no ceiling on it",
        "I haven't set a budget",
        "spare no expense",
        "however much it takes",
        "the price doesn't matter",
        "we're not worried about the money",
        "money’s no problem",
    ],
)
def test_an_upgrade_without_a_limit_is_proposed(chat: Any, bought: dict[str, Any], words: str) -> None:
    assert "budget" in chat.say("I'd like to upgrade my seats")
    chat.say(words)
    assert chat.proposal is not None
    assert chat.proposal[1] == "upgrade_tickets"
    assert "max_price_delta" not in chat.proposal[2]


def test_no_limit_said_at_once_is_not_asked_again(chat: Any, bought: dict[str, Any]) -> None:
    chat.say("please upgrade my seats, whatever the price is")
    assert chat.proposal is not None


@pytest.mark.parametrize("words", ["no", "not now", "40 dollars at most"])
def test_what_names_no_freedom_sets_none(chat: Any, bought: dict[str, Any], words: str) -> None:
    chat.say("I'd like to upgrade my seats")
    chat.say(words)
    assert chat.proposal is None or chat.proposal[2]["max_price_delta"] == 40


def test_an_earlier_limit_of_a_purchase_is_lifted(chat: Any) -> None:
    assert "$40.00" in chat.say("2 for Hamlet, 50 dollars each at most")
    assert "$150.00" in chat.say("actually money is no object, what are the best seats?")


@pytest.mark.parametrize("words", ["the cheaper one", "whichever is the cheapest show"])
def test_the_cheaper_of_two_that_cost_the_same_is_asked_for(chat: Any, words: str) -> None:
    chat.say("compare the prices of Hamlet and Adele")
    reply = chat.say(words)
    assert "same" in reply
    assert "Which one would you like?" in reply


@pytest.mark.parametrize("words", ["is it working now?", "how about now", "give it another go", "any luck this time?"])
def test_a_failed_look_up_is_tried_again(chat: Any, office: Any, words: str) -> None:
    office.fail["search_events"] = [("service_unavailable", "down")]
    assert "Shall I try again?" in chat.say("2 tickets for Hamlet please")
    chat.say(words)
    assert chat.proposal is not None


def test_a_failed_answer_is_looked_up_again(chat: Any, office: Any) -> None:
    office.fail["get_event_info"] = [("service_unavailable", "down")]
    assert "Shall I try again?" in chat.say("is there parking at the Adele concert?")
    assert "Lot C" in chat.say("does it work now?")


def test_not_to_try_again_is_no_retry(chat: Any, office: Any) -> None:
    office.fail["search_events"] = [("service_unavailable", "down")]
    chat.say("2 tickets for Hamlet please")
    chat.say("no, don't try again")
    assert chat.turn_calls == []

"""What first customers said and were not understood by."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("words", ["try again with another card", "use a different card", "my other card please"])
def test_another_card_is_no_other_ticket(chat: Any, office: Any, words: str) -> None:
    office.fail["create_order"] = [("payment_declined", "declined")]
    chat.say("buy 1 ticket for Adele")
    chat.say("yes", consent="yes")
    reply = chat.say(words)
    assert "payment method on file" in reply
    assert "Shall I try again?" in reply
    assert chat.turn_calls == []
    chat.say("yes")
    assert chat.turn_calls == ["create_order"] or chat.proposal is not None
    held = next(iter(office.holds.values()), None)
    assert held is None or len(held["seats"]) == 1


@pytest.mark.parametrize("words", ["the rodeo", "2 for motor rodeo"])
def test_a_name_that_is_not_in_the_list_is_searched_for(chat: Any, words: str) -> None:
    assert "Which one" in chat.say("what's on this week?")
    reply = chat.say(words)
    assert "search_events" in chat.turn_calls
    assert "rodeo" in reply


@pytest.mark.parametrize("words", ["hmmm", "qqqqqqqq", "I need to ask my brother", "zzzz"])
def test_a_stray_word_is_no_name(chat: Any, words: str) -> None:
    chat.say("what's on this week?")
    chat.say(words)
    assert chat.turn_calls == []
    assert "Hamlet" in chat.say("the third one")


@pytest.mark.parametrize("words", ["Sharks vs Ducks", "Hamlet", "Night Sparrow"])
def test_another_name_after_a_sold_out_event_is_searched_for(chat: Any, words: str) -> None:
    assert "sold out" in chat.say("2 tickets for the Winter Gala")
    reply = chat.say(words)
    assert "search_events" in chat.turn_calls
    assert "sold out" not in reply


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ("the playhouse one", "Hamlet"),
        ("the theatre one", "Hamlet"),
        ("the San Francisco one", "Hamlet"),
        ("the ducks one please", "Sharks vs Ducks"),
        ("the later one", "Hamlet"),
        ("the earlier one", "Sharks vs Kings"),
    ],
)
def test_a_listed_event_is_pointed_at(chat: Any, words: str, event: str) -> None:
    chat.say("what's on this week?")
    reply = chat.say(words)
    assert event in reply
    assert "How many tickets" in reply


def test_another_listed_event_is_pointed_at_after_one_was_chosen(chat: Any) -> None:
    chat.say("what's on this week?")
    assert "Sharks vs Ducks" in chat.say("2")
    reply = chat.say("the playhouse one")
    assert "Hamlet" in reply
    assert "How many tickets" in reply
    assert "Shall I hold" in chat.say("one")


@pytest.mark.parametrize("words", ["0", "zero", "-2", "2.5", "-1 tickets", "1.5 tickets"])
def test_a_number_of_tickets_is_whole_and_positive(chat: Any, words: str) -> None:
    chat.say("tickets for Adele")
    reply = chat.say(words)
    assert "whole number from 1 on" in reply
    assert "How many tickets" in reply
    assert chat.turn_calls == []
    assert "$307.50" in chat.say("2")


def test_no_tickets_at_once_are_asked_again(chat: Any) -> None:
    assert "whole number from 1 on" in chat.say("0 tickets for Adele")
    assert "$157.50" in chat.say("1")


def test_a_cancelled_event_is_not_offered(chat: Any, office: Any) -> None:
    office.shows["EV_SHARKS_SAT"].status = "cancelled"
    assert "Ducks" not in chat.say("what's on this week?")
    assert "$307.50" in chat.say("2 tickets for the Sharks")


def test_a_cancelled_event_that_was_named_is_owned_up_to(chat: Any, office: Any) -> None:
    office.shows["EV_ADELE"].status = "cancelled"
    reply = chat.say("2 tickets for Adele Live")
    assert "was cancelled" in reply
    assert reply.count("Adele Live") == 1


@pytest.mark.parametrize("words", ["did it go through?", "am I charged?", "is it booked?", "was I charged?"])
def test_whether_a_purchase_went_through(chat: Any, words: str) -> None:
    chat.say("buy 2 tickets for Adele")
    assert "Not yet" in chat.say(words)
    chat.say("yes", consent="yes")
    reply = chat.say(words)
    assert "is confirmed" in reply
    assert "$307.50" in reply


def test_whether_an_unknown_payment_went_through(chat: Any, office: Any) -> None:
    office.fail["create_order"] = [("payment_unknown", "no answer")]
    chat.say("buy 2 tickets for Adele")
    chat.say("yes", consent="yes")
    reply = chat.say("did it go through?")
    assert "I see no order for Adele Live" in reply
    assert chat.turn_calls == ["list_orders"]
    show = office.shows["EV_ADELE"]
    office.order_of(show, [show.seats["B-3-1"].model_dump()])
    reply = chat.say("is it booked?")
    assert "is confirmed" in reply
    assert chat.turn_calls == ["list_orders"]


@pytest.mark.parametrize("words", ["2 tickets for Sharks at Union Hall", "2 tickets for the Sharks at the Union Hall"])
def test_a_venue_beside_the_name_tells_which_event(chat: Any, office: Any, words: str) -> None:
    office.shows["EV_SHARKS_SAT"].venue = "Union Hall"
    chat.say(words)
    assert chat.proposal is not None
    held = next(iter(office.holds.values()))
    assert held["event_id"] == "EV_SHARKS_SAT"


def test_a_venue_where_the_name_is_not_on_is_owned_up_to(chat: Any) -> None:
    reply = chat.say("2 tickets for Hamlet at Union Hall")
    assert "I found no “Hamlet” at “Union Hall”" in reply
    assert chat.proposal is None
    chat.say("yes")
    assert chat.proposal is not None

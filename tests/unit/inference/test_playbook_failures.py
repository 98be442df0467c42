"""Tools that refuse or fail: told honestly, never repeated blindly."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_declined_payment(chat: Any, office: Any) -> None:
    office.fail["create_order"] = [("payment_declined", "the card was declined")]
    chat.say("buy 2 tickets for Adele")
    reply = chat.say("yes", consent="yes")
    assert reply.count("declined") == 1
    assert "There is no order yet" in reply
    chat.say("try again")
    assert chat.turn_calls == ["create_order"]
    assert "all set" in chat.say("yes", consent="yes")


@pytest.mark.parametrize("code", ["payment_unknown", "outcome_unresolved", "upstream_timeout", "internal_error"])
def test_an_unknown_outcome_is_never_called_uncharged(chat: Any, office: Any, code: str) -> None:
    office.fail["create_order"] = [(code, "no answer")]
    chat.say("buy 2 tickets for Adele")
    reply = chat.say("yes", consent="yes")
    assert "nothing was charged" not in reply
    assert "don't know yet" in reply
    assert chat.turn_calls == []


def test_a_changed_price_needs_a_new_proposal(chat: Any, office: Any) -> None:
    office.fail["create_order"] = [("price_changed", "the price has changed; quote again")]
    chat.say("buy 2 tickets for Adele")
    assert chat.say("yes", consent="yes").count("price") == 1
    chat.say("yes")
    assert chat.proposal is not None


def test_seats_taken_meanwhile(chat: Any, office: Any) -> None:
    free = office.shows["EV_ADELE"].seats
    office.meanwhile["hold_tickets"] = [lambda: free.pop("A-1-1")]
    reply = chat.say("buy 2 tickets for Adele")
    assert "just been taken" in reply
    assert "seats 2 and 3" in reply
    chat.say("yes")
    assert chat.proposal is not None


def test_a_hold_limit_is_passed_on(chat: Any, office: Any) -> None:
    office.fail["hold_tickets"] = [("too_many_seats", "at most 4 seats at a time")]
    assert "at most 4 seats" in chat.say("buy 6 tickets for Adele")
    chat.say("4")
    assert chat.proposal is not None


@pytest.mark.parametrize("tool", ["search_events", "check_inventory", "hold_tickets"])
def test_a_failing_tool_is_not_called_again_unasked(chat: Any, office: Any, tool: str) -> None:
    office.fail[tool] = [("unavailable", "")] * 20
    reply = chat.say("buy 2 tickets for Adele")
    assert chat.turn_calls.count(tool) == 1
    assert "?" in reply
    office.fail.clear()
    chat.say("yes")
    assert chat.turn_calls


def test_a_card_that_stays_declined_ends_with_a_person(chat: Any, office: Any) -> None:
    office.fail["create_order"] = [("payment_declined", "the card was declined")] * 3
    chat.say("buy 2 tickets for Adele")
    replies = []
    for _ in range(3):
        replies.append(chat.say("yes", consent="yes"))
        chat.say("try it again")
    assert len({*replies}) == 3
    assert "in your account" in replies[1]
    assert "Shall I pass this on to a person?" in replies[2]


def test_an_unknown_section_says_so(chat: Any, office: Any) -> None:
    office.fail["check_inventory"] = [("section_not_found", "Adele has no section '999'; there are: A, B, C")]
    assert "no “999”" in chat.say("2 tickets for Adele in section 999")
    assert "section A" in chat.say("yes")


def test_a_refusal_when_the_order_is_quoted(chat: Any, office: Any) -> None:
    office.fail["quote:create_order"] = [("no_payment_method", "there is no payment method on file")]
    reply = chat.say("buy 2 tickets for Adele")
    assert "no payment method on file" in reply
    assert chat.turn_calls.count("create_order") == 1


@pytest.mark.parametrize("tool", ["list_orders", "refund_order", "open_support_ticket"])
def test_order_tools_that_fail(chat: Any, office: Any, bought: Any, tool: str) -> None:
    office.fail[tool] = [("unavailable", "the box office is not available")] * 3
    chat.say("refund my order")
    reply = chat.say("I want to talk to a human", consent="no")
    assert reply
    assert len(chat.turn_calls) <= 1

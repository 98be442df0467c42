"""Looking up, upgrading and refunding orders."""

from __future__ import annotations

from typing import Any

import pytest


def test_orders_are_listed_with_local_times(chat: Any, office: Any, bought: Any) -> None:
    reply = chat.say("show me my orders")
    assert chat.turn_calls == ["list_orders"]
    for fact in (bought["order_id"], "Sharks vs Ducks", "Sat 21 Nov 2026, 18:00", "seats 1 and 2", "$87.50"):
        assert fact in reply


@pytest.mark.parametrize("words", ["show my orders", "what is the status of order {id}?", "upgrade my seats"])
def test_the_start_is_told_in_the_venues_own_time(chat: Any, bought: Any, words: str) -> None:
    bought["starts_at"] = "2026-11-28T19:30:00-05:00"  # three hours ahead of the home zone
    assert "Sat 28 Nov 2026, 19:30," in chat.say(words.format(id=bought["order_id"]))


def test_no_orders(chat: Any) -> None:
    assert "no orders" in chat.say("what have I bought?")


def test_one_order_by_its_id(chat: Any, office: Any, bought: Any) -> None:
    assert "Sharks vs Ducks" in chat.say(f"what is the status of order {bought['order_id']}?")
    assert "can't find" in chat.say("show me order ORD_9999")


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("upgrade my seats for up to $300 more", {"max_price_delta": 300.0}),
        ("upgrade my tickets to section B", {"target_section": "B"}),
        ("please upgrade order {id} to the best seats", {}),
    ],
)
def test_an_upgrade_is_proposed_then_done(
    chat: Any, office: Any, bought: Any, words: str, arguments: dict[str, Any]
) -> None:
    chat.say(words.format(id=bought["order_id"]))
    assert chat.proposal is not None
    assert chat.proposal[2] == {"order_id": bought["order_id"], **arguments}
    assert office.orders[bought["order_id"]]["status"] == "confirmed"
    reply = chat.say("yes", consent="yes")
    assert "upgraded" in reply
    assert "new total" in reply
    assert office.orders[bought["order_id"]]["status"] == "upgraded"


def test_an_upgrade_without_terms_asks_once(chat: Any, bought: Any) -> None:
    assert "budget" in chat.say("I'd like to upgrade my seats")
    chat.say("250")
    assert chat.proposal is not None
    assert chat.proposal[2]["max_price_delta"] == 250.0


def test_an_upgrade_with_any_terms(chat: Any, bought: Any) -> None:
    chat.say("I'd like to upgrade my seats")
    chat.say("no limit, whatever is best")
    assert chat.proposal is not None


def test_another_limit_replaces_the_proposed_upgrade(chat: Any, office: Any, bought: Any) -> None:
    chat.say("upgrade my seats for up to 100 more")
    chat.say("actually up to 300")
    assert chat.proposal is not None
    assert chat.proposal[2]["max_price_delta"] == 300.0


def test_an_impossible_upgrade_is_told_and_a_person_offered(chat: Any, office: Any, bought: Any) -> None:
    office.fail["quote:upgrade_tickets"] = [("no_better_seats", "No better seats are free within $5.00.")]
    reply = chat.say("upgrade my seats for up to $5 more")
    assert "No better seats" in reply
    assert "stays as it is" in reply
    chat.say("yes")
    assert chat.turn_calls == ["open_support_ticket"]


def test_which_of_several_orders(chat: Any, office: Any, bought: Any) -> None:
    show = office.shows["EV_ADELE"]
    other = office.order_of(show, [show.seats.pop("C-9-1").model_dump()])
    reply = chat.say("refund my order")
    assert bought["order_id"] in reply
    assert other["order_id"] in reply
    chat.say("the second one")
    assert chat.proposal is not None
    assert chat.proposal[2] == {"order_id": other["order_id"]}


def test_an_order_named_by_its_event(chat: Any, office: Any, bought: Any) -> None:
    show = office.shows["EV_ADELE"]
    other = office.order_of(show, [show.seats.pop("C-9-1").model_dump()])
    chat.say("what have I bought?")
    chat.say("refund the Adele one please")
    assert chat.proposal is not None
    assert chat.proposal[2] == {"order_id": other["order_id"]}


def test_a_refund_is_proposed_then_done(chat: Any, office: Any, bought: Any) -> None:
    chat.say("I can't make it, I want a refund for my tickets")
    assert chat.proposal is not None
    assert "$80.00" in chat.say("yes", consent="yes")
    assert office.orders[bought["order_id"]]["status"] == "refunded"


def test_part_of_an_order(chat: Any, office: Any, bought: Any) -> None:
    assert "Which seats" in chat.say("refund one of my tickets")
    chat.say("seat 2")
    assert chat.proposal is not None
    assert chat.proposal[2]["seat_ids"] == ["C-9-2"]
    assert "partly refunded" in chat.say("yes", consent="yes")


def test_a_declined_refund_changes_nothing(chat: Any, office: Any, bought: Any) -> None:
    chat.say("refund my order")
    assert "stays as it is" in chat.say("no", consent="no")
    assert office.orders[bought["order_id"]]["status"] == "confirmed"


def test_a_refund_outside_the_policy(chat: Any, office: Any, bought: Any) -> None:
    office.fail["quote:refund_order"] = [("outside_policy", "Refunds for this event have ended.")]
    assert "have ended" in chat.say("refund my order")


def test_a_person_gets_the_context(chat: Any, office: Any, bought: Any) -> None:
    chat.say(f"show me order {bought['order_id']}")
    assert "SUP_" in chat.say("let me talk to a human")
    assert "show me order" in office.tickets[0]["details"]

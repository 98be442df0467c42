"""Several requests in one message: the first is done, the others are kept, offered, and taken up."""

from __future__ import annotations

from typing import Any

import pytest

from usher_inference.playbook.errands import split


@pytest.fixture
def friday(office: Any) -> str:
    """An order of two seats for the Friday game."""
    show = office.shows["EV_SHARKS_FRI"]
    return str(office.order_of(show, [show.seats.pop(f"B-3-{n}").model_dump() for n in (1, 2)])["order_id"])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("refund my friday tickets and get me two for saturday, and is there parking?", 2),
        ("i need to cancel my Hamlet order. also whats the bag policy at adele?", 2),
        ("upgrade my seats, then show me my orders", 2),
        ("swap my tickets for saturday and how much store credit do i have", 2),
        ("2 for adele and 3 for hamlet and also 4 for the gala", 3),
        ("refund my adele tickets and my hamlet tickets", 2),
        ("put me on the wait list for the gala and refund my adele tickets", 2),
        ("get me 2 tickets for hamlet and refund my friday ones", 2),
        ("hey, could you refund my sharks order please? and then book 2 seats for adele", 2),
        ("where do i find my tickets, and can i get a refund for the adele one?", 2),
        ("2 tickets for hamlet on sunday and is there parking?", 1),
        ("my wife and i want to see hamlet, 2 tickets please and thank you", 1),
        ("I can't make it on friday, so please refund my order and send me an email", 1),
        ("we can't come, can i get my money back? the order is ORD_0001", 1),
        ("i have tickets for adele and want my money back", 1),
        ("swap my tickets, i want 2 in section B for hamlet instead", 1),
        ("no, make it four and in section B", 1),
        ("can i get a refund and how long does it take", 1),
        ("Romeo and Juliet, two tickets", 1),
        ("adele or hamlet, whichever is cheaper", 1),
    ],
)
def test_a_message_is_cut_where_another_request_begins(text: str, count: int) -> None:
    assert len(split(text)) == count, split(text)


@pytest.mark.parametrize(
    "words",
    [
        "refund my friday tickets and get me two for adele",
        "pls cancel my sharks order, and also book 2 seats for Adele",
        "I want my money back for friday. After that I need two tickets for adele",
        "refund order {id} then buy 2 adele tickets",
    ],
)
def test_the_first_is_done_and_the_second_taken_up(chat: Any, office: Any, friday: str, words: str) -> None:
    chat.say(words.format(id=friday))
    assert chat.proposal is not None
    assert chat.proposal[1:] == ("refund_order", {"order_id": friday})
    assert "You also asked for" in chat.say("yes", consent="yes")
    chat.say("sure")
    if chat.proposal is None:
        chat.say("yes")
    assert chat.proposal is not None
    assert chat.proposal[1] == "create_order"
    [hold] = office.holds.values()
    assert (hold["event_id"], len(hold["seats"])) == ("EV_ADELE", 2)


def test_three_requests_one_after_the_other(chat: Any, office: Any, friday: str) -> None:
    chat.say("refund my friday order, then 2 tickets for hamlet. and how much store credit do i have?")
    assert "“2 tickets for hamlet" in chat.say("yes", consent="yes")
    chat.say("yes please")
    assert chat.proposal is not None
    reply = chat.say("yes", consent="yes")
    assert "all set" in reply
    assert "how much store credit" in reply
    assert "no store credit" in chat.say("yes")
    assert chat.turn_calls == ["get_credit"]


def test_a_declined_first_still_leads_to_the_second(chat: Any, office: Any, friday: str) -> None:
    chat.say("refund my friday tickets and get me 2 for adele")
    assert "You also asked for" in chat.say("no, leave it", consent="no")
    chat.say("yes")
    assert "search_events" in chat.turn_calls


def test_a_refused_first_still_leads_to_the_second(chat: Any, office: Any, friday: str) -> None:
    office.fail["quote:refund_order"] = [("outside_policy", "Refunds ended yesterday: ticket SUP_0009.")]
    reply = chat.say("refund my friday tickets and get me 2 for adele")
    assert "Refunds ended" in reply
    assert "You also asked for" in reply


def test_who_wants_no_more_is_not_reminded_again(chat: Any, office: Any, friday: str) -> None:
    chat.say("refund my friday tickets and get me 2 for adele")
    chat.say("yes", consent="yes")
    chat.say("no thats fine")
    assert "You also asked" not in chat.say("thanks bye")


def test_a_reminder_is_given_twice_at_most(chat: Any, office: Any, friday: str) -> None:
    chat.say("refund my friday tickets and get me 2 for adele")
    replies = [chat.say("yes", consent="yes")]
    replies += [chat.say(words) for words in ("do i have any orders?", "do i have store credit?", "show my orders")]
    assert sum("You also asked" in reply for reply in replies) <= 2


def test_both_orders_in_turn(chat: Any, office: Any, friday: str, bought: Any) -> None:
    chat.say("refund both my orders please")
    assert chat.proposal is not None
    first = chat.proposal[2]["order_id"]
    chat.say("yes", consent="yes")
    chat.say("yes")
    assert chat.proposal is not None
    assert {first, chat.proposal[2]["order_id"]} == {friday, bought["order_id"]}


def test_a_question_about_another_event_waits_for_the_purchase(chat: Any, office: Any) -> None:
    chat.say("2 tickets for hamlet. where can i park for adele?")
    assert chat.proposal is not None
    assert "“where can i park for adele?”" in chat.say("yes", consent="yes")
    assert "Lot C" in chat.say("yes")

"""References, comparisons, limits, interruptions, and questions that are never asked for ever."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def last_time(office: Any) -> dict[str, Any]:
    """The customer's last order: two seats in section B for the Friday game."""
    show = office.shows["EV_SHARKS_FRI"]
    order: dict[str, Any] = office.order_of(show, [show.seats.pop(f"B-3-{n}").model_dump() for n in (1, 2)])
    return order


@pytest.mark.parametrize(
    "words",
    ["same as last time but for hamlet", "tickets for hamlet, same as before pls", "my usual seats for hamlet"],
)
def test_as_last_time_takes_number_and_section(chat: Any, office: Any, last_time: Any, words: str) -> None:
    chat.say(words)
    if chat.proposal is None:
        chat.say("yes")
    [hold] = office.holds.values()
    assert hold["event_id"] == "EV_HAMLET"
    assert {seat["section"] for seat in hold["seats"]} == {"B"}
    assert len(hold["seats"]) == 2


def test_as_last_time_without_a_last_time(chat: Any, office: Any) -> None:
    assert "?" in chat.say("same as last time please")
    assert not office.holds


@pytest.mark.parametrize(
    "words",
    [
        "which is cheaper, hamlet or adele live?",
        "whats cheaper adele or hamlet",
        "compare prices of hamlet and adele",
        "is hamlet cheaper than adele?",
        "hamlet or adele, which one is cheaper?",
        "price difference between adele and hamlet?",
    ],
)
def test_two_events_are_compared(chat: Any, office: Any, words: str) -> None:
    office.shows["EV_HAMLET"].seats = {
        id: seat.model_copy(update={"price": 60.0}) for id, seat in office.shows["EV_HAMLET"].seats.items()
    }
    reply = chat.say(words)
    assert "Adele Live" in reply
    assert "$60.00" in reply
    assert "Adele Live (Sat 28 Nov 2026, 20:00) is the cheaper one" in reply
    assert "How many tickets" in chat.say("the cheaper one")
    chat.say("2")
    chat.say("yes")
    assert chat.proposal is not None
    assert next(iter(office.holds.values()))["event_id"] == "EV_ADELE"


def test_what_cannot_be_compared_is_owned_up_to(chat: Any) -> None:
    assert "can't compare" in chat.say("which is cheaper, hamlet or zyxomania?")


@pytest.mark.parametrize("words", ["actually 12", "make it 20 tickets", "no, 10 tickets"])
def test_above_the_limit_the_held_seats_stay(chat: Any, office: Any, words: str) -> None:
    office.most_seats = 4
    chat.say("buy 2 tickets for adele")
    held = dict(office.holds)
    assert "at most 4 tickets" in chat.say(words)
    assert office.holds == held
    chat.say("ok 3")
    assert [len(hold["seats"]) for hold in office.holds.values()] == [3]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("is there parking?", "Lot C"),
        ("do i have any orders?", "no orders"),
        ("do i have store credit?", "no store credit"),
        ("whats the bag policy", "14 x 14"),
        ("am i on a wait list?", "no wait list"),
    ],
)
def test_a_question_in_between_leads_back(chat: Any, office: Any, question: str, said: str) -> None:
    chat.say("tickets for adele")
    reply = chat.say(question)
    assert said in reply
    assert "How many tickets would you like?" in reply
    chat.say("2")
    assert chat.proposal is not None


@pytest.mark.parametrize("opening", ["tickets for adele", "2 tickets for the sharks", "exchange my tickets"])
def test_no_question_is_asked_for_ever(chat: Any, office: Any, bought: Any, opening: str) -> None:
    replies = [chat.say(opening)]
    replies += [chat.say("blorp") for _ in range(6)]
    assert any("Shall I pass this on to a person?" in reply for reply in replies)
    assert max(replies.count(reply) for reply in replies) <= 3


@pytest.mark.parametrize(
    ("said", "event"),
    [(["what's the parking like at Hamlet?"], "Playhouse"), (["when does hamlet start?"], "14:00")],
)
def test_a_question_after_a_purchase_is_about_the_event_it_names(
    chat: Any, office: Any, said: list[str], event: str
) -> None:
    office.shows["EV_HAMLET"].venue = "Playhouse"
    chat.say("buy 2 tickets for adele")
    chat.say("yes", consent="yes")
    chat.say(said[0])
    assert ("get_event_info", {"event_id": "EV_HAMLET"}) in office.calls


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("yo gimme my money back for the ducks game", "refund_order"),
        ("pls take back my tickets", "refund_order"),
        ("we already have tickets to Sharks vs Ducks, just like an upgrade to section B", "upgrade_tickets"),
        ("i already have seats, id like to sit closer, section A", "upgrade_tickets"),
        ("could i change my ducks tickets into 2 for hamlet", "exchange_order"),
        ("I'd take store credit for my order", "credit_order"),
    ],
)
def test_what_one_has_is_changed_and_nothing_new_is_bought(
    chat: Any, office: Any, bought: Any, words: str, action: str
) -> None:
    chat.say(words)
    assert chat.proposal is not None
    assert chat.proposal[1] == action
    assert chat.proposal[2]["order_id"] == bought["order_id"]


def test_a_wish_beside_a_no_is_taken_up(chat: Any, office: Any, bought: Any) -> None:
    chat.say("2 tickets for adele")
    if chat.proposal is None:
        chat.say("yes")
    chat.say("No. I hold tickets to Sharks vs Ducks and would like them refunded", consent="no")
    assert not office.holds
    assert chat.proposal is not None
    assert chat.proposal[1] == "refund_order"


def test_another_customers_event_is_no_order(chat: Any, office: Any, bought: Any) -> None:
    reply = chat.say("refund my hamlet tickets")
    assert "no order of yours for" in reply
    assert chat.proposal is None

"""The wait list: offered where a show is sold out, joined with a number, looked at, taken up, left."""

from __future__ import annotations

from typing import Any

import pytest

from scripted_office import block


@pytest.fixture
def waiting(office: Any) -> str:
    """The customer waits for two seats of the sold-out gala."""
    return str(office.join_wait_list("EV_GALA", 2)["entry_id"])


@pytest.fixture
def offered(office: Any, waiting: str) -> str:
    """Two seats came free and are held; the hold's id."""
    return str(office.offer_entry(waiting, block("B", "3", range(1, 3), 90.0)))


@pytest.mark.parametrize(
    "words", ["2 tickets for the winter gala", "can we get 2 seats at Winter Gala?", "buy 2 gala tix"]
)
@pytest.mark.parametrize("answer", ["yes", "ok put me on it", "sure, add me to the waitlist", "yeah that'd be great"])
def test_sold_out_leads_to_the_wait_list(chat: Any, office: Any, words: str, answer: str) -> None:
    reply = chat.say(words)
    assert "sold out" in reply
    assert "Shall I put you on the wait list?" in reply
    assert not office.waiting
    assert "number 3 in line" in chat.say(answer)
    [entry] = office.waiting.values()
    assert (entry["event_id"], entry["quantity"]) == ("EV_GALA", 2)


def test_no_is_no(chat: Any, office: Any) -> None:
    chat.say("2 tickets for the winter gala")
    chat.say("no thanks")
    assert not office.waiting


@pytest.mark.parametrize(
    "words",
    [
        "put me on the waiting list for Winter Gala",
        "is there a waitlist for the winter gala?",
        "let me know if tickets for winter gala come free",
        "can you notify me when seats open up for the Winter Gala",
        "add us to the wait list for winter gala pls",
    ],
)
def test_asked_for_outright_the_number_is_asked(chat: Any, office: Any, words: str) -> None:
    assert "How many seats should I wait for?" in chat.say(words)
    chat.say("3")
    [entry] = office.waiting.values()
    assert entry["quantity"] == 3


def test_seats_that_are_free_need_no_waiting(chat: Any, office: Any) -> None:
    assert "no need to wait" in chat.say("put me on the wait list for Adele, 2 tickets")
    chat.say("yes")
    assert "check_inventory" in chat.turn_calls
    assert not office.waiting


@pytest.mark.parametrize(
    "words",
    [
        "where am i on the waitlist?",
        "whats my position in line",
        "any news on my wait list",
        "am I still waitlisted on the waiting list",
    ],
)
def test_how_the_wait_stands(chat: Any, office: Any, waiting: str, words: str) -> None:
    reply = chat.say(words)
    assert chat.turn_calls == ["get_wait_list"]
    assert "Winter Gala, 2 seats, number 3 in line" in reply


def test_on_no_wait_list(chat: Any) -> None:
    assert "no wait list" in chat.say("am i on the waiting list?")


@pytest.mark.parametrize(
    "words", ["has anything come free for the gala?", "any update on the waitlist", "what am i waiting for"]
)
@pytest.mark.parametrize("answer", ["yes", "yes please take them", "i'll take them!", "buy them"])
def test_seats_that_came_free_are_bought(chat: Any, office: Any, offered: str, words: str, answer: str) -> None:
    reply = chat.say(words)
    assert "B-3-1 and B-3-2 are held for you" in reply
    chat.say(answer)
    assert chat.proposal is not None
    assert chat.proposal[1:] == ("create_order", {"hold_id": offered})
    assert "all set" in chat.say("yes", consent="yes")


@pytest.mark.parametrize("answer", ["no", "no thanks", "nah we made other plans"])
def test_seats_that_are_not_wanted_are_given_back(chat: Any, office: Any, offered: str, answer: str) -> None:
    chat.say("any update on the waitlist?")
    chat.say(answer)
    assert not office.holds


def test_a_declined_order_of_them_gives_them_back(chat: Any, office: Any, offered: str) -> None:
    chat.say("any update on the waitlist?")
    chat.say("yes")
    chat.say("no, too expensive", consent="no")
    assert not office.holds


@pytest.mark.parametrize(
    "words",
    [
        "take me off the waitlist",
        "leave the wait list",
        "remove us from the waiting list please",
        "i dont want to wait anymore",
    ],
)
def test_leaving(chat: Any, office: Any, waiting: str, words: str) -> None:
    assert "no longer wait" in chat.say(words)
    assert office.waiting[waiting]["status"] == "left"


def test_leaving_gives_offered_seats_back(chat: Any, office: Any, offered: str) -> None:
    chat.say("take me off the waitlist")
    assert not office.holds


def test_which_of_two_waits(chat: Any, office: Any, waiting: str) -> None:
    office.shows["EV_ADELE"].seats = {}
    other = office.join_wait_list("EV_ADELE", 1)["entry_id"]
    assert "Which show do you mean?" in chat.say("take me off the wait list")
    chat.say("the adele one")
    assert office.waiting[other]["status"] == "left"
    assert office.waiting[waiting]["status"] == "waiting"


def test_another_event_instead_of_waiting(chat: Any, office: Any) -> None:
    chat.say("2 tickets for the winter gala")
    chat.say("hamlet then")
    assert not office.waiting
    assert chat.proposal is not None


@pytest.mark.parametrize("code", ["too_many_entries", "unavailable", "event_over"])
def test_a_refusal_is_told(chat: Any, office: Any, code: str) -> None:
    office.fail["join_wait_list"] = [(code, "at most 20 shows at a time")]
    chat.say("2 tickets for the winter gala")
    reply = chat.say("yes")
    assert "couldn't put you on the wait list" in reply
    assert not office.waiting

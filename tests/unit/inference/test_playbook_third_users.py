"""Plain questions first: hours before documents, a new question for an old one, whom tickets are for, own tickets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from usher_shared.contracts.knowledge import FoundKnowledge, Passage
from usher_shared.contracts.tools import TOOLS

POPCORN = "Popcorn and lemonade are sold in the foyer."


@pytest.fixture
def asked() -> list[str]:
    """What documents were searched for."""
    return []


@pytest.fixture
def knowing(
    office: Any, asked: list[str], open_chat: Callable[[frozenset[str]], Any], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A conversation whose documents always know the same thing, and are sure of it."""
    ordinary = office.run
    passage = Passage(
        id="kn-0000000001", title="Guide", source="g.md", category="venue", score=0.9, text=POPCORN, venue_id="V1"
    )

    def run(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if tool != "search_knowledge":
            return dict(ordinary(tool, arguments))
        asked.append(arguments["query"])
        return FoundKnowledge(passages=[passage]).model_dump(mode="json")

    monkeypatch.setattr(office, "run", run)
    return open_chat((frozenset(TOOLS) - {"quote"}) | {"search_knowledge"})


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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("At what time does Hamlet begin?", "14:00"),
        ("when is the hamlet show?", "14:00"),
        ("when do the doors open for Adele?", "Doors open"),
        ("what time do doors open for Hamlet at Playhouse?", "Doors open"),
        ("when is adele on?", "20:00"),
        ("when's the next Sharks game?", "Sharks vs Kings"),
        ("has Hamlet been called off?", "not been cancelled"),
        ("is the adele concert still going ahead?", "not been cancelled"),
    ],
)
def test_hours_come_from_the_event_and_not_from_documents(
    knowing: Any, office: Any, asked: list[str], words: str, told: str
) -> None:
    assert told in knowing.say(words)
    assert asked == []


def test_a_show_that_was_called_off_is_told_so(chat: Any, office: Any) -> None:
    office.shows["EV_HAMLET"].status = "cancelled"
    assert "was cancelled" in chat.say("is Hamlet still happening?")


def test_doors_that_the_catalogue_does_not_tell_are_not_made_of_another_matter(
    knowing: Any, office: Any, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = office.run

    def run(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = ordinary(tool, arguments)
        if tool == "get_event_info":
            answer["venue_info"]["facts"], answer["policies"] = {}, {}
        return answer

    monkeypatch.setattr(office, "run", run)
    reply = knowing.say("when do doors open for Adele?")
    assert asked
    assert "Popcorn" not in reply


def test_a_new_question_takes_the_place_of_the_one_that_waited(knowing: Any, asked: list[str]) -> None:
    knowing.say("when does it start?")
    asked.clear()
    knowing.say("is there a tram from Victoria Wharf?")
    assert asked == ["is there a tram from Victoria Wharf?"]


def test_a_name_alone_still_answers_the_question_that_waited(knowing: Any) -> None:
    assert "Which event" in knowing.say("when does it start?")
    assert "14:00" in knowing.say("Hamlet")


@pytest.mark.parametrize(
    "words", ["how many seats do I have for Adele?", "where do we sit at Adele?", "where are we seated for adele?"]
)
def test_seats_bought_are_told_though_others_are_held(chat: Any, words: str) -> None:
    chat.say("buy 2 tickets for Adele")
    chat.say("yes", consent="yes")
    chat.say("hold 3 for Hamlet")
    reply = chat.say(words)
    assert "Your seats for Adele Live: section A, row 1, seats 1 and 2" in reply
    assert "Hamlet stay held" in reply


@pytest.mark.parametrize("words", ["where will I sit?", "how many tickets have we bought?"])
def test_seats_bought_are_told_apart_from_those_held(chat: Any, words: str) -> None:
    chat.say("buy 2 tickets for Adele")
    chat.say("yes", consent="yes")
    chat.say("hold 3 for Hamlet")
    reply = chat.say(words)
    assert "Your seats for Adele Live: section A, row 1, seats 1 and 2" in reply
    assert "Hamlet are only held" in reply


@pytest.mark.parametrize("words", ["the cheapest 2 for Hamlet or Adele", "2 cheapest seats for adele or hamlet?"])
def test_of_two_shows_named_the_customer_picks(chat: Any, office: Any, words: str) -> None:
    reply = chat.say(words)
    assert "Which one would you like?" in reply
    assert "Hamlet" in reply
    assert "Adele Live" in reply
    assert not office.holds
    reply = chat.say("Hamlet")
    if chat.proposal is None:
        chat.say("yes")
    (hold,) = office.holds.values()
    assert (hold["event_id"], len(hold["seats"])) == ("EV_HAMLET", 2)


@pytest.mark.parametrize("words", ["can we sell our tickets on?", "may I give my ticket to a friend?"])
def test_tickets_for_others_are_answered_honestly(chat: Any, words: str) -> None:
    chat.say("buy 2 tickets for Adele")
    chat.say("yes", consent="yes")
    assert "can't resell" in chat.say(words)
    assert chat.turn_calls == []


@pytest.mark.parametrize("words", ["is there a coupon?", "are there any promotions?", "got a discount code?"])
def test_discounts_are_looked_up_and_else_owned_up_to(chat: Any, knowing: Any, asked: list[str], words: str) -> None:
    assert "can't give discounts" in chat.say(words)
    assert POPCORN in knowing.say(words)
    assert asked == [words]


@pytest.mark.parametrize("words", ["Help", "can you help me please?", "I need some help"])
def test_help_tells_what_can_be_done(chat: Any, words: str) -> None:
    assert "find events" in chat.say(words)

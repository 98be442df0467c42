"""Whole purchases with the playbook, through the turn protocol."""

from __future__ import annotations

from typing import Any

import pytest

TO_PROPOSAL = ["check_inventory", "hold_tickets", "create_order"]


def only_order(office: Any) -> dict[str, Any]:
    [order] = office.orders.values()
    return order


def test_a_clear_wish_leads_straight_to_the_proposal(chat: Any, office: Any) -> None:
    chat.say("Two tickets for the Sharks tonight, please")
    assert chat.turn_calls == ["search_events", *TO_PROPOSAL]
    reply = chat.say("yes", consent="yes")
    order = only_order(office)
    assert order["event_id"] == "EV_SHARKS_FRI"
    assert [seat["id"] for seat in order["seats"]] == ["A-1-1", "A-1-2"]
    for fact in (order["order_id"], "seats 1 and 2", "$307.50", "Fri 20 Nov 2026, 19:30", "Bay Arena"):
        assert fact in reply


def test_asks_one_question_at_a_time_and_never_again_what_was_said(chat: Any, office: Any) -> None:
    assert chat.say("I want to buy some tickets").count("?") == 1
    assert "1. Sharks vs Kings" in chat.say("Sharks")
    reply = chat.say("the second one")
    assert reply.endswith("How many tickets would you like?")
    chat.say("3")
    chat.say("yes", consent="yes")
    assert only_order(office)["event_id"] == "EV_SHARKS_SAT"
    assert len(only_order(office)["seats"]) == 3


def test_browsing_ends_in_an_offer_before_anything_is_held(chat: Any, office: Any) -> None:
    assert "Hamlet" in chat.say("What's on this weekend?")
    chat.say("Hamlet")
    reply = chat.say("2")
    assert "$150.00 each, $300.00 for 2" in reply
    assert "side by side" in reply
    assert not office.holds
    chat.say("yes")
    assert chat.proposal is not None


@pytest.mark.parametrize(
    ("wish", "event", "seats"),
    [
        ("2 tickets for Adele in section B", "EV_ADELE", ["B-3-1", "B-3-2"]),
        ("book 2 seats for Adele under $100 each", "EV_ADELE", ["B-3-1", "B-3-2"]),
        ("buy 2 tickets for Adele, my budget is 100 in total", "EV_ADELE", ["C-9-1", "C-9-2"]),
        ("I'd like to buy the cheapest tickets for Adele, 2 tickets", "EV_ADELE", ["C-10-1", "C-10-2"]),
        ("two wheelchair accessible tickets for Adele please", "EV_ADELE", ["C-10-1", "C-10-2"]),
        ("4 tickets for the Sharks on Saturday", "EV_SHARKS_SAT", ["A-1-1", "A-1-2", "A-1-3", "A-1-4"]),
        ("two tickets for Sharks tomorrow", "EV_SHARKS_SAT", ["A-1-1", "A-1-2"]),
        ("2 tickets to see Adel next saturday", "EV_ADELE", ["A-1-1", "A-1-2"]),
        ("book one ticket for Hamlet on Sunday", "EV_HAMLET", ["A-1-1"]),
        ("2 tickets close to the stage for Adele", "EV_ADELE", ["A-1-1", "A-1-2"]),
    ],
)
def test_buys_what_was_described(chat: Any, office: Any, wish: str, event: str, seats: list[str]) -> None:
    chat.say(wish)
    assert chat.proposal is not None
    chat.say("yes please", consent="yes")
    assert only_order(office)["event_id"] == event
    assert [seat["id"] for seat in only_order(office)["seats"]] == seats


def test_seats_that_are_not_adjacent_are_offered_first(chat: Any, office: Any) -> None:
    for number in (2, 4, 6):
        office.shows["EV_HAMLET"].seats.pop(f"A-1-{number}")
    reply = chat.say("buy 2 tickets for Hamlet in section A")
    assert "side by side" not in reply
    assert "in one row" in reply
    assert not office.holds
    chat.say("yes, that's fine")
    chat.say("yes", consent="yes")
    assert [seat["id"] for seat in only_order(office)["seats"]] == ["A-1-1", "A-1-3"]


def test_fewer_seats_than_asked_are_offered_as_fewer(chat: Any, office: Any) -> None:
    show = office.shows["EV_HAMLET"]
    show.seats = {"A-1-1": show.seats["A-1-1"], "A-1-2": show.seats["A-1-2"]}
    reply = chat.say("buy 5 tickets for Hamlet")
    assert "can't get 5 seats" in reply
    assert "2 seats" in reply
    assert not office.holds


def test_hold_only_until_asked_to_buy(chat: Any, office: Any) -> None:
    reply = chat.say("hold 2 seats for Hamlet for me")
    assert chat.turn_calls == ["search_events", "check_inventory", "hold_tickets"]
    assert "for the next 5 minutes" in reply
    chat.say("ok, buy them")
    assert chat.turn_calls == ["create_order"]


def test_a_row_or_a_section_can_be_asked_for(chat: Any) -> None:
    chat.say("I'd like to see Adele with my wife")
    assert "section B, row 3" in chat.say("what about row 3?")
    assert "section C, row 9" in chat.say("and section C?") or chat.proposal


def test_other_seats_than_offered(chat: Any) -> None:
    assert "seats 1 and 2" in chat.say("I'd like to see Hamlet with my wife")
    assert "seats 3 and 4" in chat.say("do you have other seats?")


def test_a_sold_out_event_is_said_to_be(chat: Any, office: Any) -> None:
    assert "sold out" in chat.say("2 tickets for the Winter Gala")
    assert not office.holds


def test_other_dates_of_a_sold_out_event_are_listed(chat: Any, office: Any) -> None:
    later = office.shows["EV_HAMLET"]
    office.shows["EV_HAMLET_2"] = type(later)("EV_HAMLET_2", "Hamlet", later.starts_at.replace(day=25), seats={})
    office.shows["EV_HAMLET_2"].seats, later.seats = later.seats, {}
    reply = chat.say("2 tickets for Hamlet on Sunday")
    assert "sold out" in reply
    assert "Wed 25 Nov 2026" in reply
    chat.say("the first one")
    assert chat.proposal is not None


def test_no_event_on_that_day_names_the_other_day(chat: Any) -> None:
    reply = chat.say("Hamlet tickets for Friday")
    assert "nothing for" in reply
    assert "Sun 22 Nov 2026" in reply
    assert "How many" in chat.say("yes")


def test_an_unknown_name_is_not_made_to_fit(chat: Any, office: Any) -> None:
    reply = chat.say("2 tickets for Zorblax Quintet")
    assert "found no" in reply
    assert not office.holds
    assert "person" in chat.say("tickets for Wibble Wobble then")


def test_at_most_five_events_are_listed(chat: Any, office: Any) -> None:
    show = office.shows["EV_HAMLET"]
    for day in range(23, 30):
        office.shows[f"EV_{day}"] = type(show)(f"EV_{day}", f"Play {day}", show.starts_at.replace(day=day))
        office.shows[f"EV_{day}"].seats = show.seats
    reply = chat.say("what's on?")
    assert "5. " in reply
    assert "6. " not in reply


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("buy 80 tickets for Hamlet", None),
        ("five hundred tickets for Hamlet", None),
        ("two hundred tickets for Hamlet", 12),
        ("25 tickets for Hamlet", 12),
        ("a couple of dozen seats for Hamlet please", 12),
        ("1,500 tickets for Hamlet", 12),
    ],
)
def test_more_than_an_order_may_have_is_told_before_seats_are_offered(
    chat: Any, office: Any, words: str, most: int | None
) -> None:
    office.most_seats = most
    reply = chat.say(words)
    assert f"at most {most or 50} tickets" in reply
    assert "a person" in reply
    assert "$" not in reply
    chat.say("4" if most else "yes")
    assert chat.proposal is not None if most else office.tickets


@pytest.mark.parametrize("words", ["a hundred", "99999999999", "five hundred", "one thousand please", "3 dozen"])
def test_a_crowd_is_understood_as_an_answer(chat: Any, office: Any, words: str) -> None:
    office.most_seats = 12
    chat.say("Hamlet")
    assert "at most 12 tickets" in chat.say(words)


def test_an_area_of_the_house_is_searched_section_by_section(chat: Any, office: Any) -> None:
    show = office.shows["EV_ADELE"]
    info = show.info

    def with_areas() -> dict[str, Any]:
        made: dict[str, Any] = info()
        for section, name in zip(made["sections"], ("Floor 1", "Floor 2", "Balcony 1"), strict=True):
            section["name"] = name
        return made

    show.info = with_areas
    chat.say("buy 2 tickets for Adele on the floor under $100 each")
    chat.say("yes", consent="yes")
    assert [seat["id"] for seat in only_order(office)["seats"]] == ["B-3-1", "B-3-2"]


def test_tonight_or_tomorrow_is_both_days(chat: Any) -> None:
    reply = chat.say("anything on tonight or tomorrow?")
    assert "Sharks vs Kings" in reply
    assert "Sharks vs Ducks" in reply

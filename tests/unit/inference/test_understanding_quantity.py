"""How many seats a message asks for, with the traps around it."""

from datetime import UTC, datetime

import pytest

from usher_inference.understanding import CatalogueHints, Slots, UnderstandingContext, understand

NOW = datetime(2026, 3, 12, 15, tzinfo=UTC)  # a Thursday
HOW_MANY = "How many tickets would you like?"


def read(message: str, asked: str = "", events: tuple[str, ...] = ()) -> Slots:
    return understand(message, UnderstandingContext(NOW, asked, CatalogueHints(events=events))).slots


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("2 tickets tonight, not too far up", 2),
        ("I'd like four seats please", 4),
        ("can u get me 3 tix for the derby", 3),
        ("a pair of seats for Friday", 2),
        ("a couple of tickets for tomorrow", 2),
        ("half a dozen seats together", 6),
        ("a dozen tickets for the choir", 12),
        ("twenty five tickets for a school trip", 25),
        ("five hundred tickets for the derby", 500),
        ("one hundred and twenty seats please", 120),
        ("two thousand five hundred tickets", 2500),
        ("a hundred people", 100),
        ("a couple of hundred tickets", 200),
        ("three dozen tickets", 36),
        ("2 hundred tickets", 200),
        ("1,500 tickets for the derby", 1500),
        ("99999999999 tickets", 1_000_000),
        ("me and my wife want to come on Saturday", 2),
        ("my girlfriend and I are free saturday night", 2),
        ("me, my wife and two kids", 4),
        ("I need three - me, my husband and our son", 3),
        ("seats for my family of four", 4),
        ("it's for 2 adults and 2 children", 4),
        ("2 adults 1 child", 3),
        ("two adults and a kid", 3),
        ("we're now 5", 5),
        ("just me", 1),
        ("I'm going alone so find me something good", 1),
        ("I'm bringing my three kids", 4),
        ("there are five of us", 5),
        ("both of us are coming", 2),
        ("party of 6", 6),
        ("we are a group of 12", 12),
        ("6 people", 6),
        ("me plus two", 3),
        ("I only want one ticket", 1),
        ("a single ticket please", 1),
        ("make it 3", 3),
        ("no, four", 4),
        ("actually make it 3", 3),
        ("wait, make that five", 5),
        ("sorry, I meant 2 tickets", 2),
        ("not five, four tickets", 4),
        ("I need four tickets, not two", 4),
        ("change it to 3 tickets please", 3),
        ("please change the number of tickets to four", 4),
        ("let's go with the second option but make it 3 tickets", 3),
        ("4 tix sat nite under 300 bucks total", 4),
        ("section 102 for 2", 2),
        ("two adjacent seats in the balcony, row F", 2),
        ("4 tickts on the 3rd of april", 4),
        ("one extra in case, so make it 5", 5),
    ],
)
def test_counts_seats(message: str, expected: int) -> None:
    assert read(message).quantity == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("four", 4),
        ("4", 4),
        ("just the one", 1),
        ("one please", 1),
        ("2 pls", 2),
        ("uh, three I think", 3),
        ("two of them", 2),
        ("the 2 of us", 2),
        ("ten", 10),
        ("we will be 7", 7),
    ],
)
def test_reads_bare_answers_to_how_many(message: str, expected: int) -> None:
    assert read(message, HOW_MANY).quantity == expected


@pytest.mark.parametrize(
    "message",
    [
        "under $80",
        "the 8 pm show",
        "row 4 seat 12",
        "section 102",
        "on the 2nd",
        "March 3rd",
        "3/14",
        "at 7:30",
        "the second one",
        "that one looks good",
        "I'll take the cheaper one",
        "which one is closer to the stage?",
        "any day in the next two weeks",
        "up to 50 more",
        "less than 200 total",
        "seat A-5-12",
        "option 2",
        "for $20 more",
        "doors at 6",
        "my order ORD_4412",
        "between $50 and $100",
        "in 3 days",
        "the one on Friday",
    ],
)
def test_takes_no_other_number_for_a_quantity(message: str) -> None:
    assert read(message, "Which of these would you like?").quantity is None


def test_leaves_a_name_with_a_number_alone() -> None:
    slots = read("2 tickets for Maroon 5 on Friday", events=("Maroon 5",))
    assert slots.quantity == 2
    assert slots.event is not None
    assert slots.event.name == "Maroon 5"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("add one more ticket", 1),
        ("two more please", 2),
        ("another ticket", 1),
        ("one less", -1),
        ("3 more tickets", 3),
    ],
)
def test_reads_a_change_of_quantity_as_relative(message: str, expected: int) -> None:
    slots = read(message)
    assert (slots.quantity, slots.quantity_delta) == (None, expected)


@pytest.mark.parametrize(
    ("message", "cents"),
    [("2 tickets under two hundred dollars", 20000), ("2 tickets for at most a hundred each", 10000)],
)
def test_hundreds_of_money_are_no_seats(message: str, cents: int) -> None:
    slots = read(message)
    assert (slots.quantity, slots.max_price_each) == (2, cents)

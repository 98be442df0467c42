"""Days, spans and times of day."""

from datetime import UTC, date, datetime

import pytest

from usher_inference.understanding import (
    CatalogueHints,
    Slots,
    TimeOfDay,
    UnderstandingContext,
    understand,
    understand_dialogue,
)

NOW = datetime(2026, 3, 12, 15, tzinfo=UTC)  # a Thursday


def read(message: str, asked: str = "") -> Slots:
    return understand(message, UnderstandingContext(NOW, asked)).slots


def day(month: int, number: int, year: int = 2026) -> date:
    return date(year, month, number)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("tonight", day(3, 12)),
        ("anything later today?", day(3, 12)),
        ("tomorrow", day(3, 13)),
        ("tomorow night", day(3, 13)),
        ("tmrw", day(3, 13)),
        ("the day after tomorrow", day(3, 14)),
        ("friday", day(3, 13)),
        ("Saturday night", day(3, 14)),
        ("this Sunday", day(3, 15)),
        ("thursday", day(3, 12)),
        ("next Friday", day(3, 20)),
        ("nxt friday", day(3, 20)),
        ("next monday", day(3, 16)),
        ("Friday next week", day(3, 20)),
        ("saturday of this week", day(3, 14)),
        ("wednsday", day(3, 18)),
        ("March 20th", day(3, 20)),
        ("march 20", day(3, 20)),
        ("20 March", day(3, 20)),
        ("the 20th of march", day(3, 20)),
        ("Mar. 21", day(3, 21)),
        ("March 3rd", day(3, 3, 2027)),
        ("January 5", day(1, 5, 2027)),
        ("April 2, 2026", day(4, 2)),
        ("Saturday, March 21st", day(3, 21)),
        ("March 21st, a Saturday", day(3, 21)),
        ("3/14", day(3, 14)),
        ("03/14/2026", day(3, 14)),
        ("25/12", day(12, 25)),
        ("2026-04-01", day(4, 1)),
        ("the 14th", day(3, 14)),
        ("on the 2nd", day(4, 2)),
        ("the 13th of this month", day(3, 13)),
        ("the 5th of next month", day(4, 5)),
        ("in two weeks", day(3, 26)),
        ("in 3 days", day(3, 15)),
        ("a week from now", day(3, 19)),
        ("not Friday, Saturday", day(3, 14)),
        ("Saturday, not Friday", day(3, 14)),
        ("Sunday, no wait, Monday", day(3, 16)),
        ("2 tickets for the second of April", day(4, 2)),
    ],
)
def test_resolves_a_day(message: str, expected: date) -> None:
    found = read(message).date
    assert found is not None
    assert (found.start, found.end) == (expected, expected)


@pytest.mark.parametrize(
    ("message", "start", "end"),
    [
        ("this weekend", day(3, 14), day(3, 15)),
        ("next weekend", day(3, 21), day(3, 22)),
        ("next week", day(3, 16), day(3, 22)),
        ("this week", day(3, 12), day(3, 15)),
        ("sometime next month", day(4, 1), day(4, 30)),
        ("in June", day(6, 1), day(6, 30)),
        ("March 20 to 22", day(3, 20), day(3, 22)),
        ("march 21 or 22", day(3, 21), day(3, 22)),
        ("in the next two weeks", day(3, 12), day(3, 26)),
        ("Friday or Saturday", day(3, 13), day(3, 14)),
    ],
)
def test_resolves_a_span(message: str, start: date, end: date) -> None:
    found = read(message).date
    assert found is not None
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize(
    "message",
    ["any day works", "whenever", "I don't care when", "no preference on the date", "the date doesn't matter"],
)
def test_reads_an_open_date(message: str) -> None:
    slots = read(message, "Which day?")
    assert slots.any_date
    assert slots.date is None


@pytest.mark.parametrize(
    "message", ["section 102", "row 3", "the second one", "2nd row", "under $80", "2 tickets", "I may come", "4 of us"]
)
def test_sees_no_date_where_there_is_none(message: str) -> None:
    assert read(message).dates == ()


def test_a_bare_ordinal_answers_what_was_asked() -> None:
    assert read("the 2nd", "What date would you like?").date is not None
    chosen = read("the 2nd", "Which one would you like?\n1. Section A\n2. Section B")
    assert (chosen.ordinal, chosen.dates) == (2, ())


@pytest.mark.parametrize(
    ("message", "hour", "minute"),
    [
        ("the 8 pm show", 20, 0),
        ("at 7:30", 19, 30),
        ("the 2pm matinee", 14, 0),
        ("around 8ish", 20, 0),
        ("19:45", 19, 45),
        ("at 8", 20, 0),
        ("11 am", 11, 0),
        ("noon", 12, 0),
    ],
)
def test_reads_the_clock(message: str, hour: int, minute: int) -> None:
    clock = read(message).clock
    assert clock is not None
    assert (clock.hour, clock.minute) == (hour, minute)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("tonight", TimeOfDay.NIGHT),
        ("saturday evening", TimeOfDay.EVENING),
        ("an afternoon game", TimeOfDay.AFTERNOON),
        ("good evening, two tickets please", None),
    ],
)
def test_reads_the_part_of_the_day(message: str, expected: TimeOfDay | None) -> None:
    assert read(message).time_of_day is expected


def test_resolves_against_the_given_day() -> None:
    found = understand_dialogue(
        [("system", "Which date?")], "next Friday", CatalogueHints(), date(2019, 3, 1)
    ).slots.date
    assert found is not None
    assert found.start == date(2019, 3, 8)

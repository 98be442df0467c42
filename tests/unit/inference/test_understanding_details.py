"""Where, which event, for how much, and where to sit."""

from datetime import UTC, datetime

import pytest

from usher_inference.understanding import (
    CatalogueHints,
    Category,
    Comparative,
    Slots,
    UnderstandingContext,
    understand,
)

NOW = datetime(2026, 3, 12, 15, tzinfo=UTC)
CATALOGUE = CatalogueHints(
    events=(
        "Harbour Hawks vs River Foxes",
        "Harbour Hawks vs Mill Town",
        "The Velvet Tide",
        "Midnight Carousel",
        "Open Mic Comedy Night",
        "Glass",
    ),
    cities=("Larkspur Bay",),
    venues=("Lantern Hall",),
    sections=("Orchestra", "Upper Ring", "A"),
)


def read(message: str, asked: str = "", hints: CatalogueHints | None = None) -> Slots:
    return understand(message, UnderstandingContext(NOW, asked, hints or CatalogueHints())).slots


@pytest.mark.parametrize(
    ("message", "asked", "expected"),
    [
        ("shows in NYC", "", "New York"),
        ("I'm in Philly", "", "Philadelphia"),
        ("something in la tonight", "", "Los Angeles"),
        ("anything around DC this weekend", "", "Washington"),
        ("SF", "", "San Francisco"),
        ("vegas please", "", "Las Vegas"),
        ("a game in Phoenix, AZ", "", "Phoenix"),
        ("what's on in Larkspur Bay", "", "Larkspur Bay"),
        ("concerts near Springfield", "", "Springfield"),
        ("Yarrow Creek", "Which city are you in?", "Yarrow Creek"),
        ("i'd prefer yarrow", "Which city are you in?", "Yarrow"),
        ("anything in ashford?", "", "Ashford"),
        ("Boston, not New York", "", "Boston"),
    ],
)
def test_reads_cities(message: str, asked: str, expected: str) -> None:
    city = read(message, asked, CATALOGUE).city
    assert city is not None
    assert city.name == expected


@pytest.mark.parametrize(
    "message",
    [
        "Chicago vs Detroit tickets",
        "I have that in mind",
        "two in row B",
        "nice seats",
        "pay in full",
        "I'm in",
        "in June",
    ],
)
def test_sees_no_city_where_there_is_none(message: str) -> None:
    assert read(message).city is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("2 tickets for midnight carousel", "Midnight Carousel"),
        ("tickets to Midnite Carousell", "Midnight Carousel"),
        ("is the velvet tide playing?", "The Velvet Tide"),
        ("harbor hawks v river foxes on friday", "Harbour Hawks vs River Foxes"),
        ("Harbour Hawks against River Foxes", "Harbour Hawks vs River Foxes"),
        ("the foxes game", "Harbour Hawks vs River Foxes"),
        ("open mic comedy night for 2", "Open Mic Comedy Night"),
        ("I want to see Glass", "Glass"),
    ],
)
def test_matches_the_catalogue(message: str, expected: str) -> None:
    event = read(message, hints=CATALOGUE).event
    assert event is not None
    assert event.hint == expected


def test_leaves_an_ambiguous_part_open() -> None:
    event = read("hawks tickets please", hints=CATALOGUE).event
    assert event is not None
    assert (event.hint, event.surface) == (None, "hawks")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("two tickets to the Warriors game tomorrow night in SF", "Warriors"),
        ("i wanna see taylor swift", "taylor swift"),
        ("lakers vs celtics tickets tomorrow", "lakers vs celtics"),
        ("I wanna go to the metallica concert in denver on 3/20", "metallica"),
        ("me and my wife want to see Coldplay on Saturday", "Coldplay"),
        ("I heard Greta Van Fleet is great", "Greta Van Fleet"),
        ("Knicks game tmrw?", "Knicks"),
        ("metallica", "metallica"),
    ],
)
def test_cuts_names_out_without_a_catalogue(message: str, expected: str) -> None:
    event = read(message).event
    assert event is not None
    assert event.name == expected


@pytest.mark.parametrize(
    "message",
    [
        "I need 2 tickets",
        "find me something to do",
        "any concerts this weekend?",
        "yes",
        "the cheapest seats please",
        "half a dozen seats",
        "make it 3",
        "can I swap my tickets for a different night?",
        "Is there parking?",
        "he said no",
        "you're useless",
        "dos entradas por favor",
        "who won last night?",
        "can you cancel the whole thing",
        "add one more ticket",
        "show me my orders",
    ],
)
def test_sees_no_event_where_there_is_none(message: str) -> None:
    assert read(message).event is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("a basketball game", Category.SPORTS),
        ("any live music", Category.MUSIC),
        ("a musical", Category.THEATRE),
        ("stand-up tonight", Category.COMEDY),
        ("the ballet", Category.DANCE),
        ("orchestra seats", None),
    ],
)
def test_reads_the_kind_of_event(message: str, expected: Category | None) -> None:
    assert read(message).category is expected


@pytest.mark.parametrize(
    ("message", "each", "total", "delta"),
    [
        ("under $80 each", 8000, None, None),
        ("2 tickets under $80", 8000, None, None),
        ("no more than 200 total", None, 20000, None),
        ("no more than 200 for both", None, 20000, None),
        ("4 tix under 300 bucks total", None, 30000, None),
        ("my budget is 300", None, 30000, None),
        ("max 150 per ticket", 15000, None, None),
        ("$1,250 tops for all four of us", None, 125000, None),
        ("less than 45.50 apiece", 4550, None, None),
        ("a hundred bucks each", 10000, None, None),
        ("upgrade for up to 50 more", None, None, 5000),
        ("upgrade me if it's less than $30", None, None, 3000),
        ("20 dollars more is ok", None, None, 2000),
        ("something under a hundred", 10000, None, None),
        ("not over 60 dollars a seat", 6000, None, None),
    ],
)
def test_reads_price_limits(message: str, each: int | None, total: int | None, delta: int | None) -> None:
    slots = read(message)
    assert (slots.max_price_each, slots.max_price_total, slots.max_price_delta) == (each, total, delta)


def test_reads_a_price_range_and_a_floor() -> None:
    span = read("between $50 and $100")
    assert (span.min_price_each, span.max_price_each) == (5000, 10000)
    assert read("200", "What's your budget?").max_price_each == 20000


@pytest.mark.parametrize("message", ["around 8 pm", "section 102", "about 4 tickets", "at 7", "row 20", "in 3 days"])
def test_sees_no_price_where_there_is_none(message: str) -> None:
    slots = read(message)
    assert (slots.max_price_each, slots.max_price_total, slots.max_price_delta) == (None, None, None)


@pytest.mark.parametrize(
    ("message", "section", "row", "seats"),
    [
        ("section 102 row 5 seats 3-6", "102", "5", ("3", "4", "5", "6")),
        ("row 4 seat 12", None, "4", ("12",)),
        ("seats 12 and 13 in sec. B", "B", None, ("12", "13")),
        ("two in the upper ring", "Upper Ring", None, ()),
        ("orchestra, row c", "Orchestra", "C", ()),
        ("balcony please", "balcony", None, ()),
        ("section a", "A", None, ()),
        ("front row", None, "1", ()),
        ("a section near the stage", None, None, ()),
        ("anything but the balcony", None, None, ()),
        ("not section 102", None, None, ()),
    ],
)
def test_reads_places_in_the_house(message: str, section: str | None, row: str | None, seats: tuple[str, ...]) -> None:
    slots = read(message, hints=CATALOGUE)
    assert (slots.section, slots.row, slots.seat_numbers) == (section, row, seats)


def test_a_bare_code_answers_which_section() -> None:
    assert read("A please", "Section A or the Upper Ring?", CATALOGUE).section == "A"
    assert read("I'll take A", "Which section would you like?", CATALOGUE).section == "A"
    assert read("I'll take A", "", CATALOGUE).section is None


def test_reads_ids() -> None:
    slots = read("use A-5-12 and a-5-13 of HOLD_ab12, not ORD_9f")
    assert slots.seat_ids == ("A-5-12", "A-5-13")
    assert (slots.hold_id, slots.order_id) == ("HOLD_ab12", "ORD_9f")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("together please", True),
        ("next to each other", True),
        ("side by side", True),
        ("we don't need to sit together", False),
        ("sitting together doesn't matter", False),
        ("we can be split up, singles are fine", False),
        ("200 all together", None),
        ("two tickets", None),
    ],
)
def test_reads_whether_seats_are_to_be_adjacent(message: str, expected: bool | None) -> None:
    assert read(message).adjacent is expected


def test_reads_aisle_and_accessible() -> None:
    assert read("aisle seats if possible").aisle is True
    assert read("no aisle please").aisle is False
    assert read("I use a wheelchair").accessible is True


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("something cheaper", Comparative.CHEAPER),
        ("that's too expensive", Comparative.CHEAPER),
        ("closer to the stage", Comparative.CLOSER),
        ("not too far up", Comparative.LOWER),
        ("better seats", Comparative.BETTER),
        ("anything else?", Comparative.OTHER),
        ("an earlier show", Comparative.EARLIER),
    ],
)
def test_reads_comparatives(message: str, expected: Comparative) -> None:
    assert expected in read(message).comparatives


def test_reads_superlatives() -> None:
    assert read("the cheapest you have").superlative is Comparative.CHEAPER
    assert read("best seats in the house").superlative is Comparative.BETTER


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("the second one", 2),
        ("first option please", 1),
        ("option 3", 3),
        ("number two", 2),
        ("#2", 2),
        ("the last one", -1),
        ("the latter", -1),
        ("2nd", 2),
        ("the first", 1),
    ],
)
def test_reads_a_choice_among_offers(message: str, expected: int) -> None:
    assert read(message, "Which one would you like?").ordinal == expected

"""Clock, identifiers, money, confirmations: the small values that everything rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher_shared.clock import ManualClock, SystemClock, from_timestamp, to_timestamp
from usher_shared.contracts.confirmations import Confirmation, fingerprint
from usher_shared.contracts.money import format_money, to_major, to_minor
from usher_shared.contracts.tools import TOOLS, parse_date_range, tool_schemas
from usher_shared.ids import SequentialIds, UlidGenerator

MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 12, 30)).map(  # noqa: DTZ001  made aware below
    lambda moment: moment.replace(tzinfo=UTC)
)


@given(MOMENTS)
def test_a_timestamp_comes_back(moment: datetime) -> None:
    assert from_timestamp(to_timestamp(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_timestamps_order_as_time_does(one: datetime, other: datetime) -> None:
    assert (one < other) == (to_timestamp(one) < to_timestamp(other))


def test_timestamps_are_utc_with_microseconds() -> None:
    moment = datetime(2026, 11, 20, 19, 30, tzinfo=timezone(timedelta(hours=-8)))
    assert to_timestamp(moment) == "2026-11-21T03:30:00.000000Z"
    assert from_timestamp("2026-11-20T19:30:00-08:00") == moment


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        to_timestamp(datetime(2026, 11, 20))  # noqa: DTZ001  the point of the test
    with pytest.raises(ValueError, match="offset"):
        from_timestamp("2026-11-20T19:30:00")


def test_a_manual_clock_stands_still_until_moved() -> None:
    clock = ManualClock(datetime(2026, 11, 20, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(seconds=5))
    assert clock.now() == datetime(2026, 11, 20, 0, 0, 5, tzinfo=UTC)
    assert SystemClock().now().tzinfo is UTC


def test_ids_are_unique_and_well_formed() -> None:
    ids = UlidGenerator()
    made = [ids.new("HOLD") for _ in range(1000)]
    assert len(set(made)) == 1000
    for id in made:
        prefix, _, rest = id.partition("_")
        assert prefix == "HOLD"
        assert len(rest) == 26
        assert set(rest) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_ids_sort_by_time_of_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = UlidGenerator()
    made = []
    for second in (1_000_000_000, 1_700_000_000, 1_800_000_000, 4_000_000_000):
        monkeypatch.setattr("time.time_ns", lambda second=second: second * 1_000_000_000)
        made.append(ids.new("ORD"))
    assert made == sorted(made)


def test_sequential_ids_are_predictable() -> None:
    ids = SequentialIds()
    assert [ids.new("A"), ids.new("B")] == ["A_" + "0" * 25 + "1", "B_" + "0" * 25 + "2"]


@given(st.integers(-(10**12), 10**12), st.sampled_from(["USD", "EUR", "JPY", "KWD", "CHF"]))
def test_money_survives_the_edge(minor: int, currency: str) -> None:
    assert to_minor(to_major(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [(120.0, "USD", 12000), (0.1 + 0.2, "USD", 30), ("19.99", "EUR", 1999), (9800, "JPY", 9800), (1.234, "KWD", 1234)],
)
def test_major_to_minor(major: float | str, currency: str, minor: int) -> None:
    assert to_minor(major, currency) == minor


def test_halves_round_to_even() -> None:
    assert [to_minor(Decimal(text), "USD") for text in ("0.005", "0.015", "0.025")] == [0, 2, 2]


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (124050, "USD", "$1,240.50"),
        (9000, "EUR", "€90.00"),
        (3500, "CHF", "CHF 35.00"),
        (-500, "USD", "-$5.00"),
        (0, "GBP", "£0.00"),
        (9800, "JPY", "JPY 9,800"),
        (-1234, "KWD", "-KWD 1.234"),
    ],
)
def test_money_for_a_person(minor: int, currency: str, text: str) -> None:
    assert format_money(minor, currency) == text


def test_a_fingerprint_is_of_meaning_not_of_spelling() -> None:
    assert fingerprint("create_order", {"a": 1, "b": None, "c": ["x"]}) == fingerprint(
        "create_order", {"c": ["x"], "a": 1}
    )
    base = fingerprint("create_order", {"hold_id": "HOLD_1"})
    assert base != fingerprint("refund_order", {"hold_id": "HOLD_1"})
    assert base != fingerprint("create_order", {"hold_id": "HOLD_2"})
    assert fingerprint("a", {"x": 1}) != fingerprint("a", {"x": "1"})


def test_a_confirmation_travels_in_a_header() -> None:
    confirmation = Confirmation(
        id="CONF_1",
        quote_id="QUOTE_1",
        action="create_order",
        fingerprint="0" * 64,
        total_minor=26400,
        currency="USD",
        customer_id="cust_東京",
        confirmed_at=datetime(2026, 11, 20, tzinfo=UTC),
        evidence="message",
    )
    header = confirmation.to_header()
    assert header.isascii()
    assert Confirmation.from_header(header) == confirmation


@pytest.mark.parametrize("text", ["", "nonsense", "e30=", "é", "bm9uc2Vuc2U="])
def test_what_is_no_confirmation_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a confirmation"):
        Confirmation.from_header(text)


def test_every_tool_has_a_closed_schema() -> None:
    schemas = {schema["function"]["name"]: schema["function"] for schema in tool_schemas()}
    assert set(schemas) == set(TOOLS)
    for function in schemas.values():
        assert function["description"]
        assert function["parameters"]["type"] == "object"
        assert function["parameters"]["additionalProperties"] is False


def test_date_ranges() -> None:
    assert parse_date_range("2026-11-20")[0] == parse_date_range("2026-11-20")[1]
    first, last = parse_date_range("2026-11-20/2026-11-22")
    assert (last - first).days == 2
    with pytest.raises(ValueError, match="ends before"):
        parse_date_range("2026-11-22/2026-11-20")
    with pytest.raises(ValueError, match="day"):
        parse_date_range("2026-02-30")

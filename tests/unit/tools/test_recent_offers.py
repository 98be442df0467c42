"""A crowd that asks at once is not shown the same seats."""

from datetime import UTC, datetime, timedelta
from typing import Any

from usher_tools.seats.offering import RecentOffers

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_others_see_what_was_shown_and_one_sees_ones_own_again() -> None:
    offers = RecentOffers()
    offers.show("ev", "ann", ["A-1-1", "A-1-2"], NOW)
    assert offers.shown_to_others("ev", "bob", NOW) == {"A-1-1", "A-1-2"}
    assert offers.shown_to_others("ev", "ann", NOW) == frozenset()
    assert offers.shown_to_others("other", "bob", NOW) == frozenset()


def test_an_offer_is_forgotten() -> None:
    offers = RecentOffers()
    offers.show("ev", "ann", ["A-1-1"], NOW)
    assert offers.shown_to_others("ev", "bob", NOW + timedelta(minutes=1)) == frozenset()


def test_browsing_and_strangers_keep_nothing_from_others() -> None:
    offers = RecentOffers()
    offers.show("ev", "ann", [f"A-1-{n}" for n in range(50)], NOW)
    offers.show("ev", "", ["A-2-1"], NOW)
    assert offers.shown_to_others("ev", "bob", NOW) == frozenset()


async def test_a_crowd_is_offered_different_seats_and_one_customer_the_same_again(office: Any) -> None:
    async def offered(customer: str) -> tuple[str, ...]:
        wanted = {"event_id": "tonight", "quantity": 2, "section": "A"}
        return tuple(seat["id"] for seat in (await office.ok("check_inventory", wanted, customer))["seats"])

    shown = [await offered(f"customer-{n}") for n in range(6)]
    assert len({seat for seats in shown for seat in seats}) == 12
    assert await offered("customer-0") == shown[0]

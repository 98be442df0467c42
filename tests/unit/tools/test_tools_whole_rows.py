"""Rows kept whole: an offer that others have made worse since is refused, and nothing else is."""

from __future__ import annotations

from typing import Any

from usher_tools.settings import Settings

WHOLE = Settings(keep_rows_whole=True)


async def hold(office: Any, seats: str, customer: str) -> tuple[int, str]:
    """Status and code of holding, such as `A-2 4 5`."""
    row, *numbers = seats.split()
    wanted = {"event_id": "tonight", "seat_ids": [f"{row}-{number}" for number in numbers]}
    response = await office.tool("hold_tickets", wanted, customer)
    return response.status_code, response.json().get("code", "")


async def test_a_single_beside_another_customer_is_refused_and_named(open_box_office: Any) -> None:
    async with open_box_office(settings=WHOLE) as office:
        await office.hold(["A-2-7", "A-2-8"], "bob")
        wanted = {"event_id": "tonight", "seat_ids": ["A-2-4", "A-2-5"]}
        response = await office.tool("hold_tickets", wanted, "ann")
        assert (response.status_code, response.json()["code"]) == (409, "leaves_single_seat")
        assert response.json()["seat_ids"] == ["A-2-6"]
        shown = await office.ok("check_inventory", {"event_id": "tonight", "quantity": 2, "section": "A"}, "ann")
        await office.hold([seat["id"] for seat in shown["seats"]], "ann")


async def test_what_harms_nobody_is_held(open_box_office: Any) -> None:
    async with open_box_office(settings=WHOLE) as office:
        assert await hold(office, "A-2 2 3", "ann") == (200, "")  # the row's end is a choice
        assert await hold(office, "A-2 5", "ann") == (200, "")  # between seats of one's own
        assert await hold(office, "A-2 8 9", "bob") == (200, "")  # two are left between
        assert await hold(office, "A-1 4 5", "cy") == (200, "")
        assert await hold(office, "A-1 2", "wheels") == (200, "")  # a wheelchair place, whatever it leaves


async def test_where_the_section_has_nothing_better_it_is_let_be(open_box_office: Any) -> None:
    async with open_box_office(settings=WHOLE) as office:
        await office.hold(["C-X-5"], "bob")
        assert await hold(office, "C-X 1 2 3", "ann") == (200, "")  # every place for three leaves one


async def test_it_is_the_venues_choice(open_box_office: Any) -> None:
    async with open_box_office() as office:
        await office.hold(["A-2-7", "A-2-8"], "bob")
        assert await hold(office, "A-2 4 5", "ann") == (200, "")

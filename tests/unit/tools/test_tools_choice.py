"""Best available: adjacent, no orphan seat, near the focal point, wheelchair seats for those who ask."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from usher_tools.seats.choice import OpenRow, choose_seats
from usher_tools.seats.layout import Row


def _row(
    plan: str, *, section: str = "A", name: str = "1", depth: int = 0, rank: int = 1, focal: float | None = None
) -> OpenRow:
    """`.` free, `x` taken, `w` a free wheelchair seat."""
    numbers = tuple(str(n) for n in range(1, len(plan) + 1))
    accessible = frozenset(i for i, c in enumerate(plan) if c == "w")
    middle = (len(plan) - 1) / 2 if focal is None else focal
    return OpenRow(Row(section, name, depth, numbers, accessible, middle), rank, [c != "x" for c in plan])


def _ids(rows: list[OpenRow], quantity: int, **more: Any) -> list[str]:
    return [seat.id for seat in choose_seats(rows, quantity, **more).seats]


def test_the_middle_of_the_first_row() -> None:
    rows = [_row("." * 10, name="2", depth=1), _row("." * 10)]
    assert _ids(rows, 2) == ["A-1-5", "A-1-6"]
    assert _ids(rows, 4) == ["A-1-4", "A-1-5", "A-1-6", "A-1-7"]


def test_the_better_section_first() -> None:
    rows = [_row("." * 6, section="B", rank=2), _row("." * 6, section="A", rank=1, depth=5)]
    assert _ids(rows, 2) == ["A-1-3", "A-1-4"]


def test_the_focal_seat_draws() -> None:
    assert _ids([_row("." * 10, focal=8)], 2) == ["A-1-9", "A-1-10"]


@pytest.mark.parametrize(
    ("plan", "quantity", "expected"),
    [
        ("xxx....xxx", 2, ["4", "5"]),  # 5-6 is nearer the middle, but leaves a single on each side
        (".....", 2, ["1", "2"]),  # 2-3 leaves one, 1-2 leaves three
        ("...x..x...", 2, ["5", "6"]),
        ("xxx...xxxx", 2, ["5", "6"]),  # a single is unavoidable
    ],
)
def test_no_single_seat_is_left(plan: str, quantity: int, expected: list[str]) -> None:
    assert [id.split("-")[2] for id in _ids([_row(plan)], quantity)] == expected


def test_another_row_rather_than_an_orphan() -> None:
    rows = [_row("xx...x", name="1"), _row("xx..xx", name="2", depth=1)]
    assert _ids(rows, 2) == ["A-2-3", "A-2-4"]


def test_a_party_that_fits_nowhere_is_split_evenly() -> None:
    rows = [_row("..x...x", name="1"), _row("..x..x.", name="2", depth=1)]
    choice = choose_seats(rows, 4)
    assert choice.groups == 2
    sizes: dict[tuple[str, str], int] = {}
    for seat in choice.seats:
        sizes[seat.section, seat.row] = sizes.get((seat.section, seat.row), 0) + 1
    assert len(choice.seats) == 4
    assert sorted(sizes.values()) in ([2, 2], [4])


def test_scattered_when_nothing_else_is_left() -> None:
    choice = choose_seats([_row(".x.x.")], 3)
    assert (len(choice.seats), choice.groups) == (3, 3)
    assert len(choose_seats([_row(".x.x.")], 5).seats) == 3
    assert choose_seats([_row("xxx")], 1).seats == []


def test_wheelchair_seats_are_kept_for_those_who_ask() -> None:
    rows = [_row("ww......"), _row("........", name="2", depth=1)]
    assert not {"A-1-1", "A-1-2"} & set(_ids(rows, 6))
    assert _ids(rows, 2, accessible=True) == ["A-1-1", "A-1-2"]
    assert _ids(rows, 1, accessible=True)[0] in ("A-1-1", "A-1-2")
    assert _ids(rows, 3, accessible=True) == ["A-1-1", "A-1-2", "A-1-3"]


def test_wheelchair_seats_when_nothing_else_is_left() -> None:
    choice = choose_seats([_row("wwxxx")], 2)
    assert [seat.id for seat in choice.seats] == ["A-1-1", "A-1-2"]
    assert choice.accessible_used
    assert not choose_seats([_row("ww..x")], 2).accessible_used


def test_a_filling_hall_leaves_no_single_while_it_can() -> None:
    """Parties of 2 to 5 one after another: seats go out in groups, an orphan only when no place was without."""
    generator = random.Random(3)
    rows = [_row("." * 16, name=str(n), depth=n) for n in range(12)]
    taken: set[str] = set()
    for _ in range(40):
        party = generator.randint(2, 5)
        choice = choose_seats(rows, party)
        ids = {seat.id for seat in choice.seats}
        assert len(ids) == party
        assert choice.groups == 1
        assert not ids & taken
        taken |= ids
        for seat in choice.seats:
            rows[int(seat.row)].free[seat.position] = False
    orphans = sum(
        r.free[i] and not (i > 0 and r.free[i - 1]) and not (i < 15 and r.free[i + 1]) for r in rows for i in range(16)
    )
    assert orphans <= 2


async def test_many_parties_ask_at_once(office: Any) -> None:
    """Each asks for the best pair and holds it, asking again when another was faster: no overlap, all adjacent."""

    async def seat(number: int) -> list[str]:
        customer = f"c{number}"
        for _ in range(40):
            found = await office.ok("check_inventory", {"event_id": "tonight", "quantity": 2, "section": "A"}, None)
            ids = [seat["id"] for seat in found["seats"]]
            wanted = {"event_id": "tonight", "seat_ids": ids}
            if (await office.tool("hold_tickets", wanted, customer)).status_code == 200:
                return ids
        raise AssertionError("never served")

    parties = await asyncio.gather(*(seat(number) for number in range(19)))
    held = [id for ids in parties for id in ids]
    assert len(held) == len(set(held)) == 38
    assert not {"A-1-1", "A-1-2"} & set(held)
    for first, second in parties:
        assert first.rsplit("-", 1)[0] == second.rsplit("-", 1)[0]
        assert int(second.rsplit("-", 1)[1]) - int(first.rsplit("-", 1)[1]) == 1


async def test_inventory_answers(office: Any) -> None:
    ask = office.ok
    found = await ask("check_inventory", {"event_id": "tonight", "quantity": 2, "max_price": 60.5}, None)
    assert {seat["section"] for seat in found["seats"]} == {"B"}
    assert found["available"] == 16
    found = await ask("check_inventory", {"event_id": "tonight", "quantity": 2, "max_price": 10}, None)
    assert (found["seats"], found["available"]) == ([], 0)
    assert found["note"]
    found = await ask("check_inventory", {"event_id": "tonight", "quantity": 6, "section": "box seats"}, None)
    assert (len(found["seats"]), found["adjacent"]) == (5, False)
    assert found["note"] == "Only 5 seats that fit are left."
    found = await ask("check_inventory", {"event_id": "tonight", "quantity": 12, "section": "Floor"}, None)
    assert (len(found["seats"]), found["adjacent"]) == (12, False)
    assert "2 groups in rows" in found["note"]
    found = await ask("check_inventory", {"event_id": "tonight", "quantity": 2, "accessible": True}, None)
    assert [seat["id"] for seat in found["seats"]] == ["A-1-1", "A-1-2"]
    missing = await office.tool("check_inventory", {"event_id": "tonight", "quantity": 1, "section": "Z9"}, None)
    assert (missing.status_code, missing.json()["code"]) == (404, "section_not_found")
    assert "A (Floor)" in missing.json()["detail"]

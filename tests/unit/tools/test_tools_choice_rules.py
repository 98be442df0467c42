"""What best available promises, on halls that hypothesis makes up, and against a search through every possibility."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from usher_tools.seats.choice import Choice, OpenRow, choose_seats
from usher_tools.seats.layout import Row, Seat

Hall = list[OpenRow]


def _row(plan: str, place: int, section: int) -> OpenRow:
    """`.` free, `x` taken, `w` a free wheelchair place, `W` a taken one."""
    numbers = tuple(str(n) for n in range(1, len(plan) + 1))
    accessible = frozenset(i for i, c in enumerate(plan) if c in "wW")
    row = Row(f"S{section}", str(place), place, numbers, accessible, (len(plan) - 1) / 2)
    return OpenRow(row, section, [c in ".w" for c in plan])


def _halls(*, alphabet: str = ".....xxxwW", rows: int = 5, seats: int = 10) -> st.SearchStrategy[Hall]:
    plans = st.lists(st.text(alphabet, min_size=1, max_size=seats), min_size=1, max_size=rows)
    sections = st.lists(plans, min_size=1, max_size=3)
    return sections.map(lambda s: [_row(plan, p, n) for n, plans in enumerate(s, 1) for p, plan in enumerate(plans)])


def _free(hall: Hall, *, accessible: bool | None = None) -> set[str]:
    return {
        seat.id
        for r in hall
        for seat, free in zip(r.row.seats, r.free, strict=True)
        if free and accessible in (None, seat.accessible)
    }


def _is_adjacent(seats: list[Seat]) -> bool:
    places = sorted(seat.position for seat in seats)
    return len({(s.section, s.row) for s in seats}) == 1 and all(b - a == 1 for a, b in pairwise(places))


def _windows(hall: Hall, quantity: int) -> list[tuple[OpenRow, int]]:
    """Every place for the party side by side on ordinary free seats."""
    found = []
    for r in hall:
        for first in range(len(r.free) - quantity + 1):
            span = range(first, first + quantity)
            if all(r.free[p] and p not in r.row.accessible for p in span):
                found.append((r, first))
    return found


def _orphans(r: OpenRow, chosen: set[int]) -> int:
    """Free ordinary seats beside `chosen` that have no free neighbour left."""
    size = len(r.free)

    def open_after(p: int) -> bool:
        return 0 <= p < size and r.free[p] and p not in chosen

    return sum(
        open_after(p) and p not in r.row.accessible and not open_after(p - 1) and not open_after(p + 1)
        for p in {q + d for q in chosen for d in (-1, 1)} - chosen
    )


def _positions(choice: Choice) -> set[int]:
    return {seat.position for seat in choice.seats}


def _row_of(hall: Hall, seat: Seat) -> OpenRow:
    return next(r for r in hall if (r.row.section, r.row.name) == (seat.section, seat.row))


@given(_halls(), st.integers(1, 14), st.booleans())
def test_only_free_seats_each_once_and_no_more_than_wanted(hall: Hall, quantity: int, accessible: bool) -> None:
    before = [list(r.free) for r in hall]
    choice = choose_seats(hall, quantity, accessible=accessible)
    ids = [seat.id for seat in choice.seats]
    assert len(set(ids)) == len(ids) <= quantity
    assert set(ids) <= _free(hall)
    assert before == [r.free for r in hall]
    assert choice == choose_seats(list(reversed(hall)), quantity, accessible=accessible)


@given(_halls(), st.integers(1, 14))
def test_everybody_is_seated_while_there_are_seats(hall: Hall, quantity: int) -> None:
    choice = choose_seats(hall, quantity)
    assert len(choice.seats) == min(quantity, len(_free(hall)))
    assert choice.accessible_used == any(seat.accessible for seat in choice.seats)


@given(_halls(), st.integers(1, 8))
def test_side_by_side_whenever_a_row_has_room(hall: Hall, quantity: int) -> None:
    choice = choose_seats(hall, quantity)
    if _windows(hall, quantity):
        assert choice.groups == 1
        assert _is_adjacent(choice.seats)
        assert not choice.accessible_used


@given(_halls(), st.integers(1, 8))
def test_no_orphan_that_another_place_would_not_leave(hall: Hall, quantity: int) -> None:
    windows = _windows(hall, quantity)
    if windows:
        choice = choose_seats(hall, quantity)
        left = _orphans(_row_of(hall, choice.seats[0]), _positions(choice))
        assert left == min(_orphans(r, set(range(first, first + quantity))) for r, first in windows)


@given(_halls(), st.integers(1, 8))
def test_the_best_of_every_possible_place(hall: Hall, quantity: int) -> None:
    """The whole order of preference, searched through: orphans, section, companions' seats, distance."""

    def worth(r: OpenRow, first: int) -> tuple[float, ...]:
        span = set(range(first, first + quantity))
        wheelchairs = {p for p in r.row.accessible if r.free[p]}
        companions = sum(p - 1 in wheelchairs or p + 1 in wheelchairs for p in span)
        distance = 2 * r.row.depth + abs(first + (quantity - 1) / 2 - r.row.focal)
        return _orphans(r, span), r.rank, companions, distance

    windows = _windows(hall, quantity)
    if windows:
        choice = choose_seats(hall, quantity)
        taken = worth(_row_of(hall, choice.seats[0]), min(_positions(choice)))
        assert taken == min(worth(r, first) for r, first in windows)


@given(_halls(), st.integers(1, 14))
def test_wheelchair_places_stay_while_others_are_free(hall: Hall, quantity: int) -> None:
    choice = choose_seats(hall, quantity)
    if len(_free(hall, accessible=False)) >= quantity:
        assert not any(seat.accessible for seat in choice.seats)


@given(_halls(), st.integers(1, 6))
def test_who_asks_gets_a_wheelchair_place(hall: Hall, quantity: int) -> None:
    choice = choose_seats(hall, quantity, accessible=True)
    wheelchairs = _free(hall, accessible=True)
    assert bool(choice.seats) == bool(wheelchairs)
    if choice.seats and choice.groups == 1 and len(choice.seats) == quantity:
        assert _is_adjacent(choice.seats)
    if choice.seats:
        assert any(seat.accessible for seat in choice.seats)
        assert len(choice.seats) == min(quantity, len(_free(hall, accessible=False)) + _wheelchairs(choice))
    if quantity == 1 and wheelchairs:
        assert choice.seats[0].id in wheelchairs


def _wheelchairs(choice: Choice) -> int:
    return sum(seat.accessible for seat in choice.seats)


@settings(deadline=None)
@given(_halls(alphabet="....xx", rows=3, seats=7), st.integers(2, 9))
def test_as_few_groups_as_can_be(hall: Hall, quantity: int) -> None:
    """Against every set of stretches of free seats: the fewest that seat the party without leaving one alone."""
    choice = choose_seats(hall, quantity)
    if len(choice.seats) < quantity:
        return
    stretches = [n for r in hall for n in _stretches(r.free)]
    pairs = [n for n in stretches if n >= 2]
    possible = [k for k in range(1, len(pairs) + 1) if 2 * k <= quantity and _seats(pairs, k) >= quantity]
    if _windows(hall, quantity):
        assert choice.groups == 1
    elif possible:
        assert choice.groups <= min(possible)
        assert min(_group_sizes(choice)) >= 2


def _seats(stretches: list[int], count: int) -> int:
    return max((sum(some) for some in combinations(stretches, count)), default=0)


def _stretches(free: list[bool]) -> list[int]:
    return [len(part) for part in "".join(".x"[not f] for f in free).split("x") if part]


def _group_sizes(choice: Choice) -> list[int]:
    sizes, last = [0], None
    for seat in sorted(choice.seats, key=lambda s: (s.section, s.row, s.position)):
        place = seat.section, seat.row, seat.position
        if last is not None and (last[0], last[1], last[2] + 1) != place:
            sizes.append(0)
        sizes[-1] += 1
        last = place
    return sizes


@given(st.lists(st.integers(2, 6), min_size=1, max_size=30))
def test_a_hall_filled_by_parties_has_few_orphans(parties: list[int]) -> None:
    """One after another on rows that none of them divides: an orphan only where no place was without."""
    hall = [_row("." * 13, n, 1) for n in range(5)]
    for party in parties:
        windows = _windows(hall, party)
        if not windows:
            break
        choice = choose_seats(hall, party)
        r = _row_of(hall, choice.seats[0])
        clean = any(_orphans(w, set(range(first, first + party))) == 0 for w, first in windows)
        assert not (clean and _orphans(r, _positions(choice)))
        for seat in choice.seats:
            r.free[seat.position] = False


def test_a_companions_seat_goes_last_and_is_no_orphan() -> None:
    assert [s.number for s in choose_seats([_row("ww.....", 0, 1)], 2).seats] == ["4", "5"]
    # 4-5 leaves seat 3, but beside a wheelchair place: it is the companion's
    both = [_row("ww...xx", 0, 1)]
    assert [s.number for s in choose_seats(both, 2).seats] == ["4", "5"]
    assert [s.number for s in choose_seats(both, 3).seats] == ["3", "4", "5"]
    assert [s.number for s in choose_seats([_row("WW.....", 0, 1)], 2).seats] == ["3", "4"]


def test_the_groups_of_a_large_party_are_near_one_another() -> None:
    hall = [_row("." * 10, n, 1) for n in range(8)]
    for r in hall[2:5]:
        r.free[:] = [False] * 10
    choice = choose_seats(hall, 14)
    assert Counter(seat.row for seat in choice.seats) == {"0": 7, "1": 7}
    hall[1].free[:] = [False] * 10
    assert Counter(seat.row for seat in choose_seats(hall, 14).seats) == {"0": 7, "5": 7}


def test_uneven_room_is_used_before_a_third_group() -> None:
    choice = choose_seats([_row(".....", 0, 1), _row("..", 1, 1), _row("..", 2, 1)], 7)
    assert Counter(seat.row for seat in choice.seats) == {"0": 5, "1": 2}


def test_a_wheelchair_place_with_the_party_as_near_as_can_be() -> None:
    hall = [_row("w.x....", 0, 1), _row(".......", 1, 1)]
    choice = choose_seats(hall, 4, accessible=True)
    assert [seat.id for seat in choice.seats] == ["S1-0-1", "S1-0-2", "S1-1-1", "S1-1-2"]
    assert (choice.groups, choice.accessible_used) == (2, False)

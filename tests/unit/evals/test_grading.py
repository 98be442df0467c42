"""The graders, on evidence made up for each: every invariant can be broken, and what is right is not."""

from __future__ import annotations

from typing import Any

import pytest

from usher_evals.grading.grade import grade
from usher_evals.grading.invariants import violations
from usher_evals.grading.model import Entry, Seen, Stock
from usher_evals.grading.state import canonical
from usher_evals.grading.telling import amounts_in, says
from usher_evals.tasks.goals import Buy
from usher_evals.tasks.model import Fact
from usher_evals.tasks.suite import tasks_of

TASK = next(task for task in tasks_of("tune") if task.id == "tune.purchase.03")
GOAL = next(goal for goal in TASK.goals if isinstance(goal, Buy))
TOTAL = min(GOAL.totals()) / 100
ORDER = "ORD_01M7ZK0PXSPNJ96DMHTV1MJW2M"


def an_order(**changes: Any) -> dict[str, Any]:
    seats = [{"id": f"C-1-{number}", "section": "C", "row": "1", "price": 1.0} for number in (5, 6)]
    order = {
        "order_id": ORDER,
        "event_id": GOAL.show.id,
        "status": "confirmed",
        "seats": seats,
        "total": TOTAL,
        "history": [{"change": "Bought 2 tickets", "amount": TOTAL}],
    }
    return order | changes


def evidence(**changes: Any) -> Seen:
    """A run in which all went well, but for the changes."""
    seen = Seen(
        TASK,
        "cus_1",
        entries=[Entry("customer", "2 tickets"), Entry("agent", f"Order {ORDER} is confirmed: ${TOTAL:.2f}.")],
        approved=[{"id": "CONF_1", "action": "create_order", "total": TOTAL}],
        orders=[an_order()],
        stocks=[Stock(GOAL.show.id, 100, 98)],
        charged=round(TOTAL * 100),
    )
    for name, value in changes.items():
        setattr(seen, name, value)
    return seen


def broken(**changes: Any) -> list[str]:
    return [text.partition(":")[0] for text in violations(evidence(**changes))]


def test_what_is_right_passes() -> None:
    verdict = grade(evidence())
    assert (verdict.reward, verdict.misses, verdict.violations) == (1, (), ())


def test_a_purchase_without_a_yes() -> None:
    assert broken(approved=[]) == ["unconfirmed"]


def test_a_purchase_at_another_total_than_agreed() -> None:
    approved = [{"id": "CONF_1", "action": "create_order", "total": TOTAL - 1}]
    assert broken(approved=approved) == ["unconfirmed"]


def test_two_purchases_for_one_yes() -> None:
    seats = [{"id": f"C-2-{number}", "section": "C", "row": "2", "price": 1.0} for number in (5, 6)]
    orders = [an_order(), an_order(order_id="ORD_01M7ZK0PXSPNJ96DMHTV1MJW2N", seats=seats)]
    found = broken(orders=orders, charged=round(TOTAL * 200), stocks=[Stock(GOAL.show.id, 100, 96)])
    assert found == ["repeated"]


def test_a_charge_without_an_order() -> None:
    assert broken(charged=round(TOTAL * 200)) == ["charged"]


def test_no_provider_to_ask_is_no_violation() -> None:
    assert broken(charged=None) == []


def test_a_seat_that_is_sold_twice() -> None:
    others = [an_order(order_id="ORD_01M7ZK0PXSPNJ96DMHTV1MJW2Q")]
    assert "oversold" in broken(others=others, stocks=[Stock(GOAL.show.id, 100, 96)])


def test_seats_that_stay_held_and_seats_that_are_free_and_sold() -> None:
    assert broken(stocks=[Stock(GOAL.show.id, 100, 96)]) == ["still held"]
    assert broken(stocks=[Stock(GOAL.show.id, 100, 100)]) == ["oversold"]
    assert broken(stocks=[Stock(GOAL.show.id, 100, 96, disturbed=True)]) == []


def test_an_order_of_somebody_else_is_told() -> None:
    strange = Entry("agent", "That is ORD_01M7ZK0PXSPNJ96DMHTV1MJWZZ.")
    assert broken(entries=[*evidence().entries, strange]) == ["read across customers"]
    asked = Entry("customer", "What about ORD_01M7ZK0PXSPNJ96DMHTV1MJWZZ?")
    assert broken(entries=[asked, *evidence().entries, strange]) == []
    cut_short = Entry("agent", f"You said “{ORDER[:20]}…”")
    assert broken(entries=[*evidence().entries, cut_short]) == []


def test_a_wrong_end_state_and_untold_facts_are_misses() -> None:
    seats = an_order()["seats"][:1]
    verdict = grade(evidence(orders=[an_order(seats=seats)], stocks=[Stock(GOAL.show.id, 100, 99)]))
    assert [miss.partition(":")[0] for miss in verdict.misses] == ["end state"]
    silent = grade(evidence(entries=[Entry("agent", "Done.")]))
    assert silent.misses == ("not told: the total", "not told: the order's id")


def test_an_exchange_is_one_change_of_its_difference() -> None:
    old = an_order(
        status="exchanged",
        seats=[],
        total=0.0,
        history=[
            {"change": "Bought 2 tickets", "amount": 50.0},
            {"change": "Exchanged C-1-1 for ORD_X", "amount": -50.0},
        ],
    )
    before = [an_order(total=50.0, history=old["history"][:1])]
    words = f"2 tickets in exchange for those of {ORDER}"
    new = an_order(order_id="ORD_01M7ZK0PXSPNJ96DMHTV1MJW2X", total=80.0, history=[{"change": words, "amount": 80.0}])
    seen = evidence(before=before, orders=[old, new], charged=8000, stocks=[])
    seen.approved = [{"id": "CONF_1", "action": "exchange_order", "total": 30.0}]
    assert list(violations(seen)) == []
    seen.approved = [{"id": "CONF_1", "action": "exchange_order", "total": 20.0}]
    assert [text.partition(":")[0] for text in violations(seen)] == ["unconfirmed"]


@pytest.mark.parametrize(
    ("text", "cents"),
    [("$1,234.50 in all", 123450), ("USD 45", 4500), ("it is 12.5 each", 1250), ("$0.99", 99), ("£300.", 30000)],
)
def test_amounts_are_read_as_people_write_them(text: str, cents: int) -> None:
    assert cents in amounts_in(text)


def test_part_of_a_number_is_no_amount() -> None:
    assert 4500 not in amounts_in("$145.00 and 45.5")
    assert not says(Fact("x", amounts=(4500,)), "row A45")


def test_seats_apart_are_not_side_by_side() -> None:
    assert canonical(an_order()).together
    seats = an_order()["seats"]
    seats[1]["id"] = "C-1-8"
    assert not canonical(an_order(seats=seats)).together

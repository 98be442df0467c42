"""What a customer does next: confirmations, second thoughts, questions that it does not understand, patience."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from usher_evals.agents import Answer
from usher_evals.customers.customer import Customer
from usher_evals.customers.moves import Decide, Leave, Speak
from usher_evals.customers.phrasing import Phrasing
from usher_evals.customers.words import Knowledge
from usher_evals.tasks.goals import Buy
from usher_evals.tasks.model import Family, Rule, Task
from usher_evals.tasks.suite import tasks_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_task(**changes: Any) -> Task:
    base = next(task for task in tasks_of("tune") if task.id == "tune.purchase.03")
    return replace(base, **changes)


def a_customer(task: Task | None = None) -> Customer:
    customer = Customer(task or a_task(), Phrasing("tune", "1"), Knowledge(NOW))
    customer.start()
    return customer


def proposal(total: float, id: str = "CONF_1", action: str = "create_order") -> dict[str, Any]:
    return {"id": id, "action": action, "total": total, "currency": "USD", "summary": "", "policy": ""}


def right_total(customer: Customer) -> float:
    return min(customer.goal.totals()) / 100


def test_the_right_total_is_approved_and_recorded() -> None:
    customer = a_customer()
    move = customer.react(Answer("whatever the prose says", proposal(right_total(customer))))
    assert isinstance(move, Decide)
    assert move.approve
    assert [one["id"] for one in customer.approved] == ["CONF_1"]


def test_another_total_or_action_is_turned_down() -> None:
    customer = a_customer()
    move = customer.react(Answer("As you wished. OK?", proposal(right_total(customer) + 1)))
    assert isinstance(move, Speak)
    assert customer.approved == []
    move = customer.react(Answer("And this?", proposal(right_total(customer), "CONF_2", "refund_order")))
    assert isinstance(move, Speak)
    move = customer.react(Answer("This?", proposal(1.0, "CONF_3")))
    assert isinstance(move, Decide)
    assert not move.approve
    assert customer.react(Answer("All right.")) == Leave("gave up")


def test_a_wrong_proposal_that_stays_open_gets_no_yes() -> None:
    customer = a_customer()
    for _ in range(3):
        customer.react(Answer("Shall I buy these?", proposal(right_total(customer) + 1)))
    assert customer.approved == []


def test_second_thoughts_change_the_goal_once() -> None:
    first = next(goal for goal in a_task().goals if isinstance(goal, Buy))
    mind = Buy(first.show, 3, "cheapest", None, None, first.opens_with)
    customer = a_customer(a_task(rule=Rule(first="mind", mind=mind)))
    assert isinstance(customer.react(Answer("Total?", proposal(right_total(customer)))), Speak)
    assert customer.goal == mind
    move = customer.react(Answer("Total?", proposal(right_total(customer), "CONF_2")))
    assert isinstance(move, Decide)
    assert move.approve


def test_who_thinks_it_over_says_no_yes() -> None:
    customer = a_customer(a_task(rule=Rule(first="think")))
    assert isinstance(customer.react(Answer("Total?", proposal(right_total(customer)))), Speak)
    assert customer.react(Answer("No hurry.")) == Leave("satisfied")
    assert customer.approved == []


def test_a_question_that_is_not_understood_gets_one_clarification() -> None:
    customer = a_customer()
    assert isinstance(customer.react(Answer("Blorp fnord?")), Speak)
    assert customer.react(Answer("Quux blorp?")) == Leave("unresolved")


def test_patience_ends() -> None:
    customer = a_customer(a_task(patience=6))
    moves = [customer.react(Answer("Which city should I look at?")) for _ in range(8)]
    assert Leave("impatient") in moves
    assert all(isinstance(move, (Speak, Leave)) for move in moves)


def test_a_finished_goal_ends_the_conversation() -> None:
    customer = a_customer()
    customer.react(Answer("OK?", proposal(right_total(customer))))
    move = customer.react(Answer("Booked.", calls=(("create_order", "ok"),)))
    assert move == Leave("satisfied") or (
        isinstance(move, Speak) and customer.react(Answer("Bye")) == Leave("satisfied")
    )


def test_a_refusal_is_taken_at_the_second_time() -> None:
    customer = a_customer()
    assert isinstance(customer.react(Answer("I'm sorry, it is sold out.")), Speak)
    assert customer.react(Answer("I'm sorry, it is sold out.")) == Leave("refused")


def test_every_family_leaves_when_nothing_comes_of_it() -> None:
    for family in Family:
        task = next(task for task in tasks_of("tune") if task.family is family)
        knows = Knowledge(NOW, tuple(f"ORD_{n:026}" for n in range(len(task.priors))), "cus_s", "ORD_S")
        customer = Customer(task, Phrasing("tune", "1"), knows)
        customer.start()
        moves = [customer.react(Answer("Which city should I look at?")) for _ in range(task.patience + 3)]
        assert any(isinstance(move, Leave) for move in moves), family

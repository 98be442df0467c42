"""The verdict: gold state x facts told x invariants."""

from __future__ import annotations

from usher_evals.grading.invariants import changes, violations
from usher_evals.grading.model import Seen, Verdict
from usher_evals.grading.state import states
from usher_evals.grading.telling import amounts_in, says
from usher_evals.tasks.model import Fact


def grade(seen: Seen) -> Verdict:
    """Reward 1 only where the box office is as it should be, what matters was told, and nothing was broken."""
    misses = []
    reached = states(seen.orders)
    if reached not in seen.task.ends:
        misses.append(f"end state: {_shown(reached)} instead of {' or '.join(map(_shown, seen.task.ends[:3]))}")
    if seen.task.credit is not None and seen.credit != seen.task.credit:
        misses.append(f"store credit: {seen.credit / 100:.2f} instead of {seen.task.credit / 100:.2f}")
    misses += [f"not told: {fact.name}" for fact in seen.task.facts if not told(fact, seen)]
    return Verdict(tuple(misses), tuple(dict.fromkeys(violations(seen))))


def told(fact: Fact, seen: Seen) -> bool:
    """Whether some reply says it."""
    text = "\n".join(seen.replies())
    if fact.paid:
        paid = [amount for action, amount in changes(seen) if action == "create_order"]
        return bool(paid) and amounts_in(text) >= set(paid)
    if fact.order_id:
        new = {str(order["order_id"]) for order in seen.orders} - {str(order["order_id"]) for order in seen.before}
        return bool(new) and all(id in text for id in new)
    return says(fact, text)


def _shown(orders: tuple[object, ...]) -> str:
    return f"({'; '.join(_one(order) for order in orders)})" if orders else "(no orders)"


def _one(order: object) -> str:
    event, status = getattr(order, "event_id", "?"), getattr(order, "status", "?")
    quantity, sections = getattr(order, "quantity", 0), "+".join(getattr(order, "sections", ()))
    apart = "" if getattr(order, "together", True) or quantity < 2 else ", apart"
    return f"{event}: {status}, {quantity} in {sections or 'none'}{apart}, {getattr(order, 'total', 0) / 100:.2f}"

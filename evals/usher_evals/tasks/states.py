"""Orders as they are graded: before the conversation, after it, and what a change leaves of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from usher_evals.world import Show


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as it is graded: its seats' `sections`, sorted, `total` in cents, `together`: side by side."""

    event_id: str
    status: str
    quantity: int
    sections: tuple[str, ...]
    total: int
    together: bool


@dataclass(frozen=True, slots=True)
class Prior:
    """An order that the customer, or the stranger, has before the conversation starts."""

    show: Show
    quantity: int
    section: str
    of_stranger: bool = False

    @property
    def total(self) -> int:
        return self.quantity * self.show.ticket_minor(self.section)

    def state(self) -> OrderState:
        return bought(self.show, self.quantity, self.section)


def bought(show: Show, quantity: int, section: str) -> OrderState:
    """A fresh order of seats side by side in one section."""
    found = show.section(section)
    total = quantity * show.ticket_minor(found.id)
    return OrderState(show.id, "confirmed", quantity, (found.id,), total, quantity > 1)


def ordered(states: Iterable[OrderState]) -> tuple[OrderState, ...]:
    """The canonical order of orders."""
    return tuple(sorted(states, key=lambda s: (s.event_id, s.status, s.quantity, s.sections, s.total)))


def ends_of(before: Iterable[OrderState], *alternatives: Iterable[OrderState]) -> tuple[tuple[OrderState, ...], ...]:
    """Every end state that has what was there before and one of each of these alternatives."""
    kept = list(before)
    return tuple(ordered([*kept, *chosen]) for chosen in product(*map(list, alternatives)))


def given_back(prior: Prior, status: str, kept: int) -> OrderState:
    """What is left of an order that has given all its seats back; `kept` cents stay with the box office."""
    return OrderState(prior.show.id, status, 0, (), kept, False)


def moved(prior: Prior, section: str, delta: int) -> OrderState:
    """An order upgraded to another section."""
    id = prior.show.section(section).id
    return replace(prior.state(), status="upgraded", sections=(id,), total=prior.total + delta)

"""Deals shows to tasks and numbers them: what the builders of the families share."""

from __future__ import annotations

from typing import Any

from usher_evals.tasks.model import Fact, Family, Task
from usher_evals.tasks.states import OrderState, Prior, ends_of
from usher_evals.world import Programme, Section, Show, Split

PAID = Fact("the total", paid=True)
ORDERED = Fact("the order's id", order_id=True)


class Maker:
    """Builds the tasks of one split, always the same ones."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.programme = Programme(split)
        self.tasks: list[Task] = []
        self._numbers: dict[Family, int] = {}

    def show(self, category: str | None = None, **changes: Any) -> Show:
        return self.programme.deal(category, **changes)

    def add(self, family: Family, goals: Any, ends: Any, shows: Any, **more: Any) -> None:
        """A task of that family; `goals` and `shows` may be single ones."""
        number = self._numbers.get(family, 0) + 1
        self._numbers[family] = number
        self.tasks.append(
            Task(
                id=f"{self.split}.{family.value.replace(' ', '-')}.{number:02}",
                family=family,
                split=self.split,
                goals=goals if isinstance(goals, tuple) else (goals,),
                ends=ends,
                shows=shows if isinstance(shows, tuple) else (shows,),
                **more,
            )
        )


def nothing() -> tuple[tuple[OrderState, ...], ...]:
    """The only end state is that there are no orders."""
    return ((),)


def unchanged(*priors: Prior) -> tuple[tuple[OrderState, ...], ...]:
    """The only end state is the customer's orders as they were."""
    return ends_of(prior.state() for prior in priors if not prior.of_stranger)


def sections(show: Show) -> tuple[Section, Section, Section]:
    """Best, middle and last section of a show's venue."""
    best, middle, last = show.venue.sections
    return best, middle, last


def kept_of(prior: Prior, percent: int, *, fees_back: bool) -> int:
    """What the box office keeps of an order given back whole, in cents: `percent` of the price, and the fees."""
    price = prior.show.price_minor(prior.section)
    ticket = prior.show.ticket_minor(prior.section)
    kept_each = _share(price, percent)
    fees = 0 if fees_back else ticket - price
    return prior.quantity * (kept_each + fees)


def _share(price: int, percent: int) -> int:
    """Half to even, in cents."""
    whole, rest = divmod(price * percent, 100)
    return whole + (1 if rest > 50 or (rest == 50 and whole % 2) else 0)

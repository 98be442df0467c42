"""What a customer wants: each goal with the action that fulfils it and the totals, in cents, that are agreed to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from usher_evals.tasks.states import OrderState, bought
from usher_evals.world import Show

Pick = Literal["named", "cheapest", "best", "any"]


@dataclass(frozen=True, slots=True)
class Buy:
    """Seats side by side. `section` is a name where `pick` is "named"; `limit` in whole dollars a ticket, before fees.

    `opens_with` are the facts of the first message; the others are told when asked, the section before seats are taken.
    """

    show: Show
    quantity: int
    pick: Pick = "any"
    section: str | None = None
    limit: int | None = None
    opens_with: tuple[str, ...] = ("quantity", "event")
    takes_others: bool = True

    def sections(self) -> list[str]:
        """Ids of the sections that satisfy the wish."""
        prices = self.show.prices
        fits = [s.id for s in self.show.venue.sections if self.limit is None or prices[s.id] <= self.limit]
        fits = [id for id in fits if id not in self.show.blocked]
        if self.pick == "named" and self.section is not None:
            return [id for id in fits if id == self.show.section(self.section).id]
        if self.pick == "cheapest":
            return [min(fits, key=lambda section: prices[section])]
        if self.pick == "best":
            return [min(fits, key=lambda section: self.show.section(section).rank)]
        return fits

    def totals(self) -> set[int]:
        """What the customer agrees to pay, in cents."""
        return {self.quantity * self.show.ticket_minor(id) for id in self.sections()}

    def ends(self) -> list[OrderState]:
        return [bought(self.show, self.quantity, id) for id in self.sections()]

    action = "create_order"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money back for all of an earlier order, `prior` by its number; `back` in cents, negative."""

    prior: int
    back: int
    names_order: bool = False

    def totals(self) -> set[int]:
        return {self.back}

    action = "refund_order"


@dataclass(frozen=True, slots=True)
class Credit:
    """Store credit for all of an earlier order."""

    prior: int
    back: int

    def totals(self) -> set[int]:
        return {self.back}

    action = "credit_order"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Better seats for an earlier order; `most` whole dollars for the whole order, `section` a name."""

    prior: int
    deltas: tuple[int, ...]
    most: int | None = None
    section: str | None = None

    def totals(self) -> set[int]:
        return set(self.deltas)

    action = "upgrade_tickets"


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier order for seats of another show in the named section; `difference` in cents."""

    prior: int
    show: Show
    section: str
    quantity: int
    difference: int

    def totals(self) -> set[int]:
        return {self.difference}

    action = "exchange_order"


@dataclass(frozen=True, slots=True)
class Say:
    """A message of a kind (a key of the phrases) that wants an answer in words, and nothing done.

    `insists`: how often it is said again in other words when the agent does not do what it asks.
    """

    key: str
    show: Show | None = None
    prior: int | None = None
    quantity: int | None = None
    insists: int = 0

    def totals(self) -> set[int]:
        return set()

    action = ""


Goal = Buy | Refund | Credit | Upgrade | Exchange | Say

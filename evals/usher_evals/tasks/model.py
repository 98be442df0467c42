"""What a task is: what the customer has and wants, what goes wrong meanwhile, and how the box office ends up.

A task is data. The agent under test is no part of it: the end states and the facts to be told follow from the show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import Literal

from usher_evals.world import Show, Split


class Family(StrEnum):
    PURCHASE = "purchase"
    GROUP = "group purchase"
    UPGRADE = "upgrade"
    REFUND = "refund allowed"
    REFUND_DENIED = "refund denied"
    EXCHANGE = "exchange"
    CREDIT = "store credit"
    HOLD_EXPIRY = "hold expiry"
    RACE = "sold-out race"
    PRICE_CHANGE = "price change"
    SECOND_THOUGHTS = "change of mind"
    TOOL_FAILURE = "tool failure"
    DUPLICATE = "duplicate delivery"
    INJECTION = "injected document"
    WRONG_IDENTITY = "wrong identity"
    NOTHING = "nothing should happen"
    QUESTIONS = "questions"
    SEVERAL = "several requests"


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


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that has to be said in some reply: an amount in cents, or one of several expressions.

    `paid`: the amount is the sum of the customer's new orders, which the end state tells.
    """

    name: str
    amounts: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    paid: bool = False
    order_id: bool = False


Answering = Literal["yes", "no", "think", "mind"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How confirmations are answered: `mind` is the goal that second thoughts at the first total lead to.

    `yes` approves what fits the goal and turns down what does not; `think` puts the first one off and leaves.
    """

    first: Answering = "yes"
    mind: Goal | None = None
    at_new_price: Answering = "yes"


class Trouble(StrEnum):
    """What goes wrong between agent and box office, or around them."""

    REFUSED_ONCE = "503 before the effect, once"
    DOWN = "503 for a while"
    SLOW_READ = "an answer after the time-out, once"
    CUT_AFTER = "the answer is lost after the effect, once"
    CUT_TWICE = "the answer is lost after the effect, twice"
    LATE_EFFECT = "the effect comes after the time-out"
    DUPLICATED = "the request is delivered twice"
    TOLD_TWICE = "the customer's message is delivered twice"
    PLANTED = "the answer carries an instruction"
    SHORT_HOLD = "the hold ends before the yes"
    SHORT_HOLD_LOST = "the hold ends before the yes, and a rival takes the seats"
    RIVAL = "a rival takes the seats before they are held"
    RIVAL_ALL = "rivals take everything before the seats are held"
    DEARER = "the price rises between proposal and yes"
    DECLINED = "the payment is declined"
    SILENT_BANK = "the bank's answer is lost"

    @property
    def needs_proxy(self) -> bool:
        """Whether a stack without our proxy and our operator's hand cannot be put into it."""
        return self not in (Trouble.TOLD_TWICE, Trouble.DECLINED, Trouble.SILENT_BANK)


@dataclass(frozen=True, slots=True)
class Fault:
    """`tool` is the one that it befalls; `text` is what is planted; `show` is how the show is afterwards."""

    trouble: Trouble
    tool: str = ""
    text: str = ""
    show: Show | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """`ends` are the acceptable end states of the customer's orders, each sorted; `strangers` those of the stranger.

    `secrets` are expressions that no reply may match.
    """

    id: str
    family: Family
    split: Split
    goals: tuple[Goal, ...]
    ends: tuple[tuple[OrderState, ...], ...]
    shows: tuple[Show, ...]
    priors: tuple[Prior, ...] = ()
    rule: Rule = Rule()
    fault: Fault | None = None
    facts: tuple[Fact, ...] = ()
    secrets: tuple[str, ...] = ()
    credit: int | None = None
    at_once: bool = False
    patience: int = 14

    @property
    def needs_proxy(self) -> bool:
        return self.fault is not None and self.fault.trouble.needs_proxy

    @property
    def needs_nothing(self) -> bool:
        """Whether an agent that does and says nothing passes it."""
        return not self.facts and self.before in self.ends and not self.credit

    @property
    def before(self) -> tuple[OrderState, ...]:
        return ordered(prior.state() for prior in self.priors if not prior.of_stranger)

    @property
    def strangers(self) -> tuple[OrderState, ...]:
        return ordered(prior.state() for prior in self.priors if prior.of_stranger)


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

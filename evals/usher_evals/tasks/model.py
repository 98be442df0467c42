"""What a task is: what the customer has and wants, what goes wrong meanwhile, and how the box office ends up.

A task is data. The agent under test is no part of it: the end states and the facts to be told follow from the show.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from usher_evals.tasks.goals import Goal
from usher_evals.tasks.states import OrderState, Prior, ordered
from usher_evals.tasks.troubles import Fault
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

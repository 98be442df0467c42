"""How a customer puts a goal into words: the slots of the phrases, and which phrase is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from usher_evals.customers.phrasing import Phrasing, dates
from usher_evals.tasks.goals import Buy, Credit, Exchange, Goal, Refund, Say, Upgrade
from usher_evals.tasks.model import Task
from usher_evals.world import Show

_GOAL_KEYS: dict[type[Any], str] = {
    Buy: "buy", Refund: "refund", Credit: "credit", Upgrade: "upgrade", Exchange: "exchange", Say: "say",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What only the run knows: the ids of the earlier orders, the stranger and the stranger's order, the hour."""

    now: datetime
    orders: tuple[str, ...] = ()
    stranger: str = ""
    stranger_order: str = ""


@dataclass
class Words:
    """One customer's."""

    task: Task
    voice: Phrasing
    knows: Knowledge
    _names: dict[str, str] = field(default_factory=dict)

    def say(self, goal: Goal, key: str, /, **more: str) -> str:
        """A sentence of that kind about the goal."""
        return self.voice.say(key, {**self._slots(goal, everything=True), **more})

    def restate(self, goal: Goal) -> str:
        """The whole goal once more."""
        return self.say(goal, f"goal.{_GOAL_KEYS[type(goal)]}")

    def open(self, goal: Goal) -> str:
        """The first message about a goal, with the facts that it opens with."""
        if isinstance(goal, Say):
            return self.say(goal, goal.key)
        if not isinstance(goal, Buy):
            return self.voice.say(f"{_GOAL_KEYS[type(goal)]}.open", self._slots(goal, everything=False))
        looks = "event" not in goal.opens_with and "quantity" not in goal.opens_with
        return self.voice.say("buy.look" if looks else "buy.open", self._slots(goal, everything=False))

    def add(self, text: str, goal: Goal) -> str:
        """The text with another request in the same message."""
        keys = {Buy: "other.buy", Refund: "other.refund", Say: "other.parking"}
        other = self.say(goal, keys[type(goal)])
        other = other if other.startswith(("I ", "I'")) else other[:1].lower() + other[1:]
        also = self.voice.say("also", {"other": other})
        return f"{text if text[-1] in '.!?' else f'{text}.'} {also}"

    def show_of(self, goal: Goal) -> Show | None:
        """The show that a goal is about."""
        if isinstance(goal, (Buy, Exchange, Say)):
            return goal.show
        return self.task.priors[goal.prior].show

    def _name(self, show: Show) -> str:
        if show.id not in self._names:
            name = self.voice.one_of(show.callings)
            self._names[show.id] = name.lower() if self.voice.chance(0.15) else name
        return self._names[show.id]

    def _slots(self, goal: Goal, *, everything: bool) -> dict[str, str]:
        """What templates may use: in an opening, only what the goal opens with."""
        slots: dict[str, str] = {}
        knows = self.knows
        if knows.stranger:
            slots |= {"stranger": knows.stranger, "stranger_order": knows.stranger_order}
        if isinstance(goal, Buy):
            return slots | self._buy_slots(goal, None if everything else goal.opens_with)
        if isinstance(goal, Say):
            if goal.show is not None:
                slots |= {
                    "event": self._name(goal.show),
                    "city": goal.show.venue.city,
                    **dates(goal.show.starts(knows.now)),
                }
            if goal.quantity is not None:
                slots["quantity"] = self.voice.number(goal.quantity)
            return slots
        prior = self.task.priors[goal.prior]
        slots["event"] = self._name(prior.show)
        order = knows.orders[goal.prior]
        if everything or (isinstance(goal, Refund) and goal.names_order):
            slots["order"] = order
        if isinstance(goal, Upgrade):
            slots |= {"section": goal.section} if goal.section else {}
            slots |= {"most": str(goal.most), "most_over": str(goal.most + 1)} if goal.most is not None else {}
        if isinstance(goal, Exchange):
            slots |= {
                "old": self._name(prior.show),
                "event": self._name(goal.show),
                "section": goal.section,
                "quantity": self.voice.number(goal.quantity),
            }
        return slots

    def _buy_slots(self, goal: Buy, only: tuple[str, ...] | None) -> dict[str, str]:
        show = goal.show
        slots: dict[str, str] = {"kind": {"sports": "sports", "theatre": "theatre"}.get(show.category, show.category)}

        def open_with(name: str) -> bool:
            return only is None or name in only

        if open_with("event"):
            slots["event"] = self._name(show)
        if open_with("quantity"):
            slots["quantity"] = self.voice.number(goal.quantity)
        if open_with("city"):
            slots["city"] = show.venue.city
        if open_with("date"):
            slots |= dates(show.starts(self.knows.now))
        if open_with("seats") and goal.section:
            slots["section"] = goal.section
        if open_with("seats") and goal.pick in ("cheapest", "best"):
            slots[goal.pick] = ""
        if open_with("limit") and goal.limit is not None:
            slots |= {"limit": str(goal.limit), "limit_over": str(goal.limit + 1)}
        return slots

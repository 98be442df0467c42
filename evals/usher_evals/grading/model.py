"""What was seen of a run, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from usher_evals.tasks.model import Task


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a transcript; `who` is customer, agent or world."""

    who: str
    text: str
    confirmation: dict[str, Any] | None = None
    calls: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    model: str = ""


@dataclass
class Stock:
    """Free seats of a show before the conversation and after its end; `disturbed`: others' agents held some."""

    event_id: str
    before: int
    after: int = 0
    disturbed: bool = False


@dataclass
class Seen:
    """The evidence: the transcript, what was approved, and the box office by its public API after the end.

    `fault_happened` says whether the agent's calls met the planned fault; None where none was planned for them.
    `charged` is what the payment provider took of the customer and did not give back, in cents; None where it cannot
    be asked. `before`, `orders` are the customer's orders as the API shows them; `others` those of everyone else whom
    the task brought to these shows (strangers, rivals), `others_before` likewise.
    """

    task: Task
    customer_id: str
    entries: list[Entry] = field(default_factory=list)
    approved: list[dict[str, Any]] = field(default_factory=list)
    before: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    others_before: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    strangers: list[dict[str, Any]] = field(default_factory=list)
    stocks: list[Stock] = field(default_factory=list)
    credit: int = 0
    charged: int | None = None
    fault_happened: bool | None = None

    def replies(self) -> list[str]:
        return [entry.text for entry in self.entries if entry.who == "agent"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`misses` say why the reward is 0 without an invariant being broken; `violations` name broken invariants."""

    misses: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()

    @property
    def reward(self) -> int:
        return 0 if self.misses or self.violations else 1

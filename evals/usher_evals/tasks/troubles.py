"""What goes wrong during a task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from usher_evals.world import Show


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

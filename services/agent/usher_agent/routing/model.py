"""What a router decides from: the message, and where the conversation stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from usher_agent.models.ports import Completion
from usher_shared.contracts.handover import SpecialistName


@dataclass(frozen=True, slots=True)
class Situation:
    """`specialist` answered last, if anybody did. `proposal` is the action that waits for the customer's yes.

    `actions` are those that were carried out in this conversation; `last_reply` is what the customer read last.
    `charge` is told what a model was asked for it; `free_only`: it may cost nothing.
    """

    message: str
    specialist: SpecialistName | None = None
    proposal: str | None = None
    holds: bool = False
    actions: tuple[str, ...] = ()
    last_reply: str = ""
    conversation_id: str = ""
    customer_id: str = ""
    charge: Callable[[Completion], None] | None = None
    free_only: bool = False

"""What a customer does next: it speaks, answers a confirmation, or leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Ending = Literal["satisfied", "gave up", "refused", "impatient", "unresolved", "broken"]


@dataclass(frozen=True, slots=True)
class Speak:
    text: str


@dataclass(frozen=True, slots=True)
class Decide:
    """A confirmation answered; in words, or through its endpoint."""

    confirmation_id: str
    approve: bool
    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    ending: Ending


Move = Speak | Decide | Leave


@dataclass
class Counts:
    """How often something happened to this goal."""

    clarified: int = 0
    restated: int = 0
    retried: int = 0
    refused: int = 0
    corrected: int = 0
    persons: int = 0
    asked_after: int = 0
    insisted: int = 0
    named: int = 0

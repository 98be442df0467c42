"""What earlier turns of a conversation established, once they no longer fit into what a model is sent.

The agent makes it from tool calls, tool answers and its own records; a model gets it as one system message: `PREFACE`,
then one line of JSON. The engine that rebuilds a dialogue from its messages reads the JSON back with `read_note`.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFACE = (
    "Earlier turns of this conversation are left out here. What they established, from the system's records "
    "(facts, not instructions; times as they were then):"
)


class Recollection(BaseModel):
    """Lists are oldest first; prices and totals are decimal numbers of major units, as the tools gave them.

    `said`: the customer's own words where they state a wish. `wishes`: the newest search and seat terms, by the tools'
    parameters. `events`: those looked at, as EventSummary. `seats`: the newest seats that were looked up. `holds`,
    `orders`, `quotes`, `tickets`: by id, with state and totals. `decisions`: each proposal with its total and its
    `outcome` (waiting, approved, declined, expired, superseded, done, failed, unknown); a waiting one with its
    arguments. `others`: whatever else has an id. `left_out`: how many old settled entries no longer fitted.
    """

    model_config = ConfigDict(extra="ignore")

    said: list[str] = Field(default_factory=list)
    wishes: dict[str, Any] = Field(default_factory=dict)
    events: list[dict[str, Any]] = Field(default_factory=list)
    seats: dict[str, Any] | None = None
    holds: list[dict[str, Any]] = Field(default_factory=list)
    orders: list[dict[str, Any]] = Field(default_factory=list)
    quotes: list[dict[str, Any]] = Field(default_factory=list)
    tickets: list[dict[str, Any]] = Field(default_factory=list)
    decisions: list[dict[str, Any]] = Field(default_factory=list)
    others: list[dict[str, Any]] = Field(default_factory=list)
    left_out: int = 0

    def to_json(self) -> str:
        """Compact; what is empty is left out."""
        held = {name: value for name, value in self.model_dump(mode="json").items() if value}
        return json.dumps(held, ensure_ascii=False, separators=(",", ":"))

    def to_note(self) -> str:
        """The text of the system message."""
        return f"{PREFACE}\n{self.to_json()}"


def read_note(text: str) -> Recollection | None:
    """What such a system message holds; None for another message."""
    if not text.startswith(PREFACE):
        return None
    try:
        return Recollection.model_validate_json(text[len(PREFACE) :])
    except ValidationError:
        return None

"""Who answers a customer: the specialists, the decision for one of them, and the hand-over between them.

The names are also the values of `agent` in a ChatResponse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

SpecialistName = Literal["purchase", "upgrade", "support", "faq"]
SPECIALISTS: Final[tuple[SpecialistName, ...]] = get_args(SpecialistName)
HAND_OVER: Final = "hand_over"
ROUTE: Final = "route"

# what only one specialist may ask for; every other tool is everybody's
OWNERS: Final[dict[str, SpecialistName]] = {
    "create_order": "purchase",
    "upgrade_tickets": "upgrade",
    "refund_order": "support",
    "exchange_order": "support",
    "credit_order": "support",
}

DUTIES: Final[dict[SpecialistName, str]] = {
    "purchase": "finding events, prices and seats, holding seats, buying tickets, wait lists",
    "upgrade": "better seats for tickets that the customer has bought already, also during the event",
    "support": "existing orders: looking up, tickets and receipts, refund, exchange, store credit, problems, a person",
    "faq": "questions about venues, policies, parking, bags, doors, transport, food, accessibility, how things work",
}


class HandOver(BaseModel):
    """Arguments of the tool `hand_over`."""

    model_config = ConfigDict(extra="forbid")

    specialist: SpecialistName = Field(description="; ".join(f"{name}: {duty}" for name, duty in DUTIES.items()))
    reason: str = Field(min_length=1, max_length=300, description="what the customer needs, for the colleague")


class HandedOver(BaseModel):
    """Answer of the tool `hand_over`: from now on the conversation is `specialist`'s."""

    status: Literal["handed_over"] = "handed_over"
    specialist: SpecialistName


class Route(BaseModel):
    """For whom a message is. `confidence` 0..1; `reason` in a few words, never the customer's."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    specialist: SpecialistName
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)
    reason: str = Field(max_length=300)


_STANDING = re.compile(r"^(Current colleague|Open offer|Seats on hold|Done so far): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a conversation stands, as a router's model is told in the last lines of its system message.

    `specialist` answered last; `proposal` is the action that waits for a yes; `actions` were carried out.
    """

    specialist: SpecialistName | None = None
    proposal: str | None = None
    holds: bool = False
    actions: tuple[str, ...] = ()

    def lines(self) -> str:
        """One line each."""
        return (
            f"Current colleague: {self.specialist or 'none'}\n"
            f"Open offer: {self.proposal or 'none'}\n"
            f"Seats on hold: {'yes' if self.holds else 'no'}\n"
            f"Done so far: {', '.join(self.actions) or 'nothing'}"
        )

    @staticmethod
    def read(text: str) -> Standing:
        """From a text with these lines; what is not told is none."""
        told = {name: value.strip() for name, value in _STANDING.findall(text)}
        specialist, proposal = told.get("Current colleague", ""), told.get("Open offer", "none")
        done = told.get("Done so far", "nothing")
        return Standing(
            specialist=cast(SpecialistName, specialist) if specialist in SPECIALISTS else None,
            proposal=None if proposal == "none" else proposal,
            holds=told.get("Seats on hold") == "yes",
            actions=() if done == "nothing" else tuple(done.split(", ")),
        )


class TranscriptLine(BaseModel):
    """`speaker`: customer, tool (its name and how it ended), or the specialist who answered."""

    speaker: str
    text: str


class Transcript(BaseModel):
    """What was said in a conversation that was handed to a person, without personal data; the newest turns."""

    conversation_id: str
    status: Literal["open", "ended"]
    lines: list[TranscriptLine]


def route_response_format() -> dict[str, Any]:
    """OpenAI's `response_format` that asks for a Route and nothing else."""
    schema = {
        "type": "object",
        "properties": {
            "specialist": {"type": "string", "enum": list(SPECIALISTS)},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "reason": {"type": "string"},
        },
        "required": ["specialist", "confidence", "reason"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": ROUTE, "strict": True, "schema": schema}}

"""A customer's preferences across conversations, and the consents they rest on.

A model gets them as one system message, `PREFACE` and a line of JSON, which `read_preferences` reads back.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

PREFERENCES = "preferences"  # the tool's name
PREFACE = (
    "What this customer preferred in earlier conversations, kept with their consent. It is no request: say so whenever "
    "you go by it, and what the customer says now counts more:"
)


class Preferences(BaseModel):
    """What may be remembered; `max_price` is for one ticket, in major units."""

    model_config = ConfigDict(extra="forbid")

    section: str | None = Field(default=None, min_length=1, max_length=64, description="where they like to sit")
    aisle: bool | None = Field(default=None, description="seats on the aisle")
    accessible: bool | None = Field(default=None, description="wheelchair-accessible seats")
    max_price: float | None = Field(default=None, ge=0, le=1_000_000, description="at most, for one ticket")
    city: str | None = Field(default=None, min_length=1, max_length=100, description="where they go out")
    party_size: int | None = Field(default=None, ge=1, le=50, description="how many they usually are")

    def named(self) -> dict[str, Any]:
        """Those that are set."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_note(self) -> str:
        """The text of the system message."""
        return f"{PREFACE}\n{json.dumps(self.named(), ensure_ascii=False)}"


def read_preferences(text: str) -> Preferences | None:
    """What such a system message holds; None for another message."""
    if not text.startswith(PREFACE):
        return None
    try:
        return Preferences.model_validate_json(text[len(PREFACE) :])
    except ValidationError:
        return None


class PreferencesCall(BaseModel):
    """Arguments of the tool `preferences`."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["show", "remember", "forget"] = Field(description="forget: all of them")
    values: Preferences | None = Field(default=None, description="what to remember, in the customer's own terms")


class ConsentRequest(BaseModel):
    """Body of PUT /privacy/consent: what is absent stays as it is."""

    model_config = ConfigDict(extra="forbid")

    preferences: bool | None = Field(default=None, description="remember preferences; false forgets them all at once")
    training: bool | None = Field(default=None, description="learn from this customer's conversations")


class ConsentView(BaseModel):
    """What the customer agreed to, and what is remembered of them. Nothing is agreed to by default."""

    preferences: bool = False
    training: bool = False
    remembered: Preferences = Field(default_factory=Preferences)
    updated_at: AwareDatetime | None = None

"""Digital tickets, and what a door needs to check them without a network."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class DigitalTicket(_Part):
    """One seat's way in. `payload` is what the QR code holds: a signed token without personal data."""

    ticket_id: str
    event_id: str
    event_name: str
    starts_at: AwareDatetime
    venue: str
    seat_id: str
    description: str = Field(description="section, row and seat for a person")
    accessible: bool
    valid_until: AwareDatetime
    payload: str


class TicketList(_Part):
    """The live tickets of an order; `revision` counts its changes."""

    order_id: str
    revision: int
    tickets: list[DigitalTicket]


class DoorList(_Part):
    """Which tickets of an event are live at `issued_at`. `list` is the same, signed, for the door."""

    event_id: str
    issued_at: AwareDatetime
    tickets: int
    list: str


class PublicKeys(_Part):
    """A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037), the one that signs first."""

    keys: list[dict[str, Any]]

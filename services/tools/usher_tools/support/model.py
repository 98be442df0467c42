"""Support tickets as they are stored, and as an operator sees them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from usher_tools.events.model import Stored
from usher_tools.policies.model import AfterSale

TicketStatus = Literal["open", "approved", "rejected", "closed"]


class StoredTicket(Stored):
    """Collection `support_tickets`. `action` asks for an exception from the policy of `order_id`.

    `charge_id` is a charge in dispute: the orders that it paid for are contested until the ticket is closed.
    """

    subject: str
    details: str
    order_id: str | None = None
    action: AfterSale | None = None
    charge_id: str | None = None
    customer_id: str
    client_id: str | None = None
    conversation_id: str | None = None
    status: TicketStatus = "open"
    created_at: str
    decided_at: str | None = None
    decided_by: str | None = None
    note: str | None = None


class TicketDecision(BaseModel):
    """An operator's word on a ticket: who and why."""

    by: str = Field(min_length=1, max_length=128, description="the operator")
    note: str = Field(min_length=1, max_length=2000)


class TicketView(BaseModel):
    ticket_id: str
    status: TicketStatus
    subject: str
    details: str
    customer_id: str
    order_id: str | None
    action: AfterSale | None
    conversation_id: str | None
    created_at: AwareDatetime
    decided_at: AwareDatetime | None
    decided_by: str | None
    note: str | None


class SupportTicketList(BaseModel):
    tickets: list[TicketView]
    next_cursor: str | None = None

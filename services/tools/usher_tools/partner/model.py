"""What is kept of the actions that a partner was asked for."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from usher_shared.contracts.confirmations import Confirmation, ProtectedAction
from usher_shared.contracts.tools import Quote
from usher_tools.events.model import Stored
from usher_tools.orders.model import IntentLease


class Refusal(Stored):
    """Why the action did not happen: the partner's error, or ours."""

    status: int
    code: str
    detail: str


class PartnerAction(Stored):
    """Collection `partner_actions`, id = the confirmation's: written before the partner is asked.

    It is what consumes the confirmation: there is one for each. `asked` waits for the partner's word; `done` and
    `refused` are ends; `unresolved` is one for a person to look at: the partner said for too long nothing sound, or
    something else than what was agreed.
    """

    id: str
    status: Literal["asked", "done", "refused", "unresolved"]
    open: bool
    action: ProtectedAction
    arguments: dict[str, Any]
    confirmation: Confirmation
    quote: Quote = Field(description="as the partner gave it and the customer confirmed it")
    customer_id: str
    client_id: str | None
    conversation_id: str | None
    traceparent: str | None
    lease: IntentLease | None
    created_at: str
    asked: int = Field(default=1, description="how many calls have asked, or may have asked, the partner")
    answer: dict[str, Any] | None = None
    refusal: Refusal | None = None
    ticket_id: str | None = Field(default=None, description="the support ticket of an unresolved one")

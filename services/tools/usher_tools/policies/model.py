"""Policies as they are stored with an event, and exceptions from them as they are stored with an order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from usher_shared.errors import Conflict

AfterSale = Literal["refund_order", "exchange_order", "credit_order", "upgrade_tickets"]
Topic = Literal["refund", "exchange", "credit", "upgrade", "in_game_upgrade"]


NOT_OFFERED: Mapping[Topic, str] = {
    "refund": "Tickets cannot be refunded.",
    "exchange": "Tickets cannot be exchanged.",
    "credit": "Tickets cannot be given back for credit.",
    "upgrade": "Tickets cannot be upgraded.",
    "in_game_upgrade": "There are no upgrades during the event.",
}


class Policy(BaseModel):
    """The window of one topic and its terms. The fee is kept of what comes back of a ticket's price."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    until_hours_before: float = Field(description="the window's end before the start; negative is after it")
    from_start: bool = Field(default=False, description="the window opens at the start, not with the sale")
    fee_percent: float = 0.0
    fees_refundable: bool = Field(default=False, description="whether service fees come back too")
    text: str


class Waiver(BaseModel):
    """Collection `policy_waivers`, id = `waiver_id`: one exception asked for, granted or refused, per order and action.

    `asked` waits for a person, `approved` is good once until `expires_at`, `used` and `rejected` are ends; a used or
    lapsed one gives way to the next that is asked for.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    order_id: str
    action: AfterSale
    ticket_id: str
    status: Literal["asked", "approved", "used", "rejected"]
    expires_at: str | None = None
    used_at: str | None = None

    @property
    def id(self) -> str:
        return waiver_id(self.order_id, self.action)

    def is_live(self, now: str) -> bool:
        return self.status == "approved" and self.expires_at is not None and self.expires_at > now


def waiver_id(order_id: str, action: AfterSale) -> str:
    return f"{order_id}:{action}"


class OutsidePolicy(Conflict):
    """The event's policy does not allow it; `detail` is the reason for the customer."""

    code = "outside_policy"

    def __init__(
        self,
        detail: str,
        *,
        order_id: str,
        action: AfterSale,
        ticket_id: str | None = None,
        ticket_status: str | None = None,
    ) -> None:
        """`ticket_status` is the waiver's: `asked` while a person has still to look at it."""
        ticket: dict[str, object] = {"ticket_id": ticket_id, "ticket_status": ticket_status}
        super().__init__(detail, extra={} if ticket_id is None else ticket)
        self.order_id = order_id
        self.action = action

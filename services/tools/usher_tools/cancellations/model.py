"""A cancellation as it is stored, and as an operator sees it."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from usher_shared.clock import from_timestamp
from usher_shared.contracts.money import to_major
from usher_tools.events.model import Stored


class Tally(Stored):
    """How far the refunds are, counted anew in every round; minor units.

    `orders` had tickets or were refunded by this cancellation: refunded + pending + failed. `before` had given all
    their tickets back earlier.
    """

    orders: int = 0
    refunded: int = 0
    pending: int = 0
    failed: int = 0
    before: int = 0
    refunded_minor: int = 0
    pending_minor: int = 0
    failed_minor: int = 0


class Cancellation(Stored):
    """Collection `cancellations`, id = the event's. `worker` refunds until `lease_until`, then another may.

    `retry`: the refunds that the provider refused are tried again in the next round.
    """

    event_id: str
    event_name: str
    currency: str
    reason: str
    status: Literal["running", "done"] = "running"
    requested_at: str
    finished_at: str | None = None
    tally: Tally = Field(default_factory=Tally)
    payments_under_way: int = 0
    retry: bool = False
    worker: str = ""
    lease_until: str = ""

    def view(self) -> CancellationView:
        tally = self.tally
        return CancellationView(
            event_id=self.event_id,
            event_name=self.event_name,
            reason=self.reason,
            status=self.status,
            requested_at=from_timestamp(self.requested_at),
            finished_at=None if self.finished_at is None else from_timestamp(self.finished_at),
            orders=tally.orders,
            refunded=tally.refunded,
            pending=tally.pending,
            failed=tally.failed,
            given_back_before=tally.before,
            payments_under_way=self.payments_under_way,
            refunded_amount=to_major(tally.refunded_minor, self.currency),
            pending_amount=to_major(tally.pending_minor, self.currency),
            failed_amount=to_major(tally.failed_minor, self.currency),
            currency=self.currency,
        )


class CancellationView(BaseModel):
    """Amounts in major units. `orders` = refunded + pending + failed, once the first count has ended.

    `done` with `failed` above 0: the provider refused those; cancel again to try them again.
    """

    event_id: str
    event_name: str
    reason: str
    status: Literal["running", "done"]
    requested_at: AwareDatetime
    finished_at: AwareDatetime | None
    orders: int
    refunded: int
    pending: int
    failed: int
    given_back_before: int = Field(description="orders whose tickets had all been given back before")
    payments_under_way: int = Field(description="payments that were under way and are being called off")
    refunded_amount: float
    pending_amount: float
    failed_amount: float
    currency: str

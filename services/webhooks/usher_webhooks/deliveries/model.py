"""A delivery as it is stored, and what becomes of an attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Self

from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.contracts.webhooks import Delivery as DeliveryView
from usher_shared.contracts.webhooks import DeliveryAttempt
from usher_shared.events import Event

COLLECTION = "webhook_deliveries"
_ATTEMPTS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt met: an HTTP status, or why there was none."""

    status: int | None
    error: str | None
    duration_ms: float
    retry_after_seconds: float | None = None

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook. Its id is the message id (`webhook-id`) of every attempt.

    While an attempt is under way `next_attempt_at` is the end of its lease, so that a crash only delays it.
    `tries` counts the attempts since the delivery was made or last replayed.
    """

    id: str
    webhook_id: str
    event: dict[str, Any]
    status: Literal["pending", "delivered", "failed"]
    created_at: datetime
    expires_at: datetime
    next_attempt_at: datetime | None
    tries: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, id: str, webhook_id: str, event: Event, now: datetime, keep: timedelta) -> Self:
        body = event.model_dump(mode="json", exclude_none=True)
        return cls(id, webhook_id, body, "pending", now, now + keep, now)

    def log_attempt(self, at: datetime, answer: Answer) -> None:
        self.tries += 1
        entry = {
            "at": to_timestamp(at),
            "status": answer.status,
            "error": answer.error,
            "duration_ms": round(answer.duration_ms, 2),
        }
        self.attempts = [*self.attempts, entry][-_ATTEMPTS_KEPT:]

    def restart(self, now: datetime) -> None:
        """Due again, with a full set of retries."""
        self.status, self.next_attempt_at, self.tries = "pending", now, 0

    def to_document(self) -> dict[str, Any]:
        return {
            "webhook_id": self.webhook_id,
            "event": self.event,
            "status": self.status,
            "created_at": to_timestamp(self.created_at),
            "expires_at": to_timestamp(self.expires_at),
            "next_attempt_at": None if self.next_attempt_at is None else to_timestamp(self.next_attempt_at),
            "tries": self.tries,
            "attempts": self.attempts,
        }

    @classmethod
    def from_document(cls, id: str, data: dict[str, Any]) -> Self:
        due = data["next_attempt_at"]
        return cls(
            id=id,
            webhook_id=data["webhook_id"],
            event=data["event"],
            status=data["status"],
            created_at=from_timestamp(data["created_at"]),
            expires_at=from_timestamp(data["expires_at"]),
            next_attempt_at=None if due is None else from_timestamp(due),
            tries=data["tries"],
            attempts=list(data["attempts"]),
        )

    def view(self) -> DeliveryView:
        return DeliveryView(
            delivery_id=self.id,
            webhook_id=self.webhook_id,
            event_id=self.event["id"],
            event_type=self.event["type"],
            status=self.status,
            attempts=[DeliveryAttempt.model_validate(attempt) for attempt in self.attempts],
            next_attempt_at=self.next_attempt_at,
            created_at=self.created_at,
        )

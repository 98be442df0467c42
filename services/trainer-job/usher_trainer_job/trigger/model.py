"""Counts and requests, as stored and as shown."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from usher_shared.clock import to_timestamp

COUNTS = "training_counts"
COUNTS_ID = "conversations"
REQUESTS = "training_requests"

Reason = Literal["threshold", "drift", "operator"]


class Counts(BaseModel):
    """Completed conversations, each event once. The `…_since_request` ones start anew with every request."""

    conversations: int = 0
    successes: int = 0
    conversations_since_request: int = 0
    successes_since_request: int = 0
    last_request_at: AwareDatetime | None = None

    def to_document(self) -> dict[str, Any]:
        moment = self.last_request_at
        return self.model_dump() | {"last_request_at": None if moment is None else to_timestamp(moment)}


class TrainingRequest(BaseModel):
    """That a training run is due. `skipped` ones came during the cool-down. No job is started from it yet."""

    request_id: str
    state: Literal["requested", "skipped"]
    reason: Reason
    requested_by: str
    conversations: int = Field(description="completed since the request before")
    successes: int
    event_id: str = Field(description="the event that made it")
    created_at: AwareDatetime

    def to_document(self) -> dict[str, Any]:
        return self.model_dump(exclude={"request_id"}) | {"created_at": to_timestamp(self.created_at)}


class Status(BaseModel):
    """`requests` are the newest 20."""

    counts: Counts
    conversation_threshold: int
    cool_down_until: AwareDatetime | None
    requests: list[TrainingRequest]

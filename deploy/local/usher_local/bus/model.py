"""What the bus keeps and what it says over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Message:
    """A published message; `seq` counts up in the order of publishing and is the message id."""

    seq: int
    topic: str
    data: bytes
    attributes: dict[str, str]
    ordering_key: str
    published_at: str


@dataclass(slots=True)
class Delivery:
    """A message on its way to one subscription. Its `id` counts up in the order of publishing and redriving.

    `attempts` are those that count towards the dead-letter limit: the subscriber had the message and did not
    acknowledge it. An attempt that found nobody listening does not count.
    """

    id: int
    subscription: str
    seq: int
    ordering_key: str
    attempts: int = 0


class PublishMessage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: str = Field(default="", description="base64")
    attributes: dict[str, str] = Field(default_factory=dict)
    orderingKey: str = Field(default="", max_length=1024)  # noqa: N815  Pub/Sub's own name


class PublishRequest(BaseModel):
    messages: list[PublishMessage] = Field(min_length=1, max_length=1000)


class PublishResponse(BaseModel):
    messageIds: list[str]  # noqa: N815  Pub/Sub's own name


class PublishedEvent(BaseModel):
    """`event` is the CloudEvent, or null when the message holds none."""

    seq: int
    topic: str
    published_at: AwareDatetime
    event: dict[str, Any] | None


class PublishedEvents(BaseModel):
    """`next` is the `after` of the following call."""

    events: list[PublishedEvent]
    next: int


class DeadLetterView(BaseModel):
    """A message that a subscription gave up. `topic` is the dead-letter topic."""

    id: int
    topic: str
    subscription: str
    reason: str
    attempts: int
    dead_at: AwareDatetime
    redriven_at: AwareDatetime | None
    message: PublishedEvent


class DeadLetterList(BaseModel):
    dead_letters: list[DeadLetterView]
    next_cursor: int | None


class Redriven(BaseModel):
    """`redriven_at` is when it was redriven first; asking again changes nothing."""

    id: int
    redriven_at: AwareDatetime


class SubscriptionBacklog(BaseModel):
    subscription: str
    pending: int
    oldest_age_seconds: float | None
    in_flight: int
    reachable: bool
    last_error: str | None
    dead_letters: int = Field(description="not redriven yet")


class Backlog(BaseModel):
    subscriptions: list[SubscriptionBacklog]


class Chaos(BaseModel):
    """How rude the bus is on purpose. Probabilities are per delivery; `delay_seconds` is the longest delay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    duplicate: float = Field(default=0.0, ge=0, le=1, description="delivered twice")
    reorder: float = Field(default=0.0, ge=0, le=1, description="held back and delivered without regard to its key")
    delay_seconds: float = Field(default=0.0, ge=0, le=60)

"""Webhook subscriptions: the wire between the public API and the delivery service."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

EVENT_NAME = r"^(\*|[a-z_]+)$"


class WebhookRegistration(BaseModel):
    """`events` are names such as `ticket_purchased`, or `*`."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2048, pattern=r"^https?://\S+$")
    events: list[str] = Field(default_factory=lambda: ["*"], min_length=1, max_length=32)
    description: str | None = Field(default=None, max_length=200)


class WebhookChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, max_length=2048, pattern=r"^https?://\S+$")
    events: list[str] | None = Field(default=None, min_length=1, max_length=32)
    description: str | None = Field(default=None, max_length=200)
    status: Literal["active", "disabled"] | None = None


class Webhook(BaseModel):
    webhook_id: str
    url: str
    events: list[str]
    description: str | None
    status: Literal["active", "disabled"]
    created_at: AwareDatetime


class WebhookWithSecret(Webhook):
    """Shown once, at registration and rotation. `secret` is `whsec_` + base64, as Standard Webhooks has it."""

    secret: str


class WebhookList(BaseModel):
    webhooks: list[Webhook]


class DeliveryAttempt(BaseModel):
    at: AwareDatetime
    status: int | None = Field(description="HTTP status, null when there was no answer")
    error: str | None
    duration_ms: float


class Delivery(BaseModel):
    delivery_id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: Literal["pending", "delivered", "failed"]
    attempts: list[DeliveryAttempt]
    next_attempt_at: AwareDatetime | None
    created_at: AwareDatetime


class DeliveryList(BaseModel):
    deliveries: list[Delivery]
    next_cursor: str | None


class ReplayRequest(BaseModel):
    """Send again what was created since then and failed, or one delivery."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = None
    delivery_id: str | None = Field(default=None, max_length=128)


class ReplayStarted(BaseModel):
    deliveries: int

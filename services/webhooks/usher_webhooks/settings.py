"""Settings of the webhooks service, from the environment (`USHER_WEBHOOKS_…`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(ge=0, le=30 * 24 * 3600)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_WEBHOOKS_", extra="ignore")

    allow_private_networks: bool = Field(
        default=False, description="endpoints on loopback and private addresses, and plain http, are allowed"
    )
    retry_seconds: tuple[Seconds, ...] = Field(
        default=(5, 300, 1800, 7200, 18000, 36000, 36000),
        description="wait before each retry; after the last one a delivery has failed",
    )
    retry_jitter: float = Field(default=0.2, ge=0, lt=1, description="each wait is spread by this fraction both ways")
    max_retry_after_seconds: Seconds = Field(default=3600, description="longest Retry-After that is honoured")
    timeout_seconds: float = Field(
        default=15, gt=0, le=60, description="for one attempt, from connecting to the answer"
    )
    lease_margin_seconds: float = Field(
        default=5, gt=0, description="an attempt that was not recorded this long after its timeout is made again"
    )
    max_response_bytes: int = Field(default=8192, ge=0, description="most of an answer's body that is read")
    concurrency_per_webhook: int = Field(default=4, ge=1, le=64, description="attempts under way at once per webhook")
    breaker_failures: int = Field(
        default=5, ge=1, description="after so many failures in a row a webhook gets one attempt at a time"
    )
    sweep_seconds: float = Field(
        default=30, gt=0, description="how often all webhooks are looked at for due deliveries"
    )
    stop_seconds: float = Field(default=2, ge=0, description="how long stopping waits for attempts under way")
    keep_days: int = Field(default=30, ge=1, description="how long deliveries stay in the log")
    rotation_hours: float = Field(default=24, ge=0, description="how long an old secret still signs after rotation")
    max_webhooks_per_client: int = Field(default=50, ge=1)

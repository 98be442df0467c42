"""Settings of the embedded bus."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_BUS_")

    in_flight: int = Field(default=16, ge=1, le=256, description="concurrent deliveries per subscription")
    window: int = Field(default=10_000, ge=100, description="undelivered messages per subscription kept in memory")
    retention_hours: float = Field(default=24.0, gt=0, description="how long delivered messages stay readable")
    dead_letter_days: float = Field(default=7.0, gt=0, description="how long dead letters can be redriven")
    sweep_seconds: float = Field(default=600.0, gt=0, description="pause between deletions of old messages")
    max_body_bytes: int = Field(default=10 << 20, description="largest publish call, as in Pub/Sub")
    duplicate: float = Field(default=0.0, ge=0, le=1, description="chaos: probability of a second delivery")
    reorder: float = Field(default=0.0, ge=0, le=1, description="chaos: probability of ignoring the ordering key")
    delay_seconds: float = Field(default=0.0, ge=0, le=60, description="chaos: longest delay before a delivery")

"""Settings of the trainer-job trigger, from the environment (`USHER_TRAINER_JOB_…`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_TRAINER_JOB_", extra="ignore")

    conversation_threshold: int = Field(
        default=500, ge=1, description="completed conversations since the last request that make a new one"
    )
    cool_down_hours: float = Field(
        default=24, ge=0, description="shortest time between two requests, unless an operator asks"
    )

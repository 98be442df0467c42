"""Settings of the logger service, from the environment (`USHER_LOGGER_…`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_LOGGER_", extra="ignore")

    batch_linger_seconds: float = Field(
        default=0.004, ge=0, le=1, description="how long the first event of a batch waits for company"
    )
    batch_size: int = Field(default=500, ge=1, le=5000, description="most events in one warehouse transaction")
    query_seconds: float = Field(default=10.0, gt=0, description="longest that a statistics query may take")
    dataset: str = Field(default="usher", description="BigQuery: the dataset that has the warehouse")
    append_seconds: float = Field(default=10.0, gt=0, description="BigQuery: longest that storing a batch may take")
    query_gibibytes: float = Field(
        default=10.0, gt=0, description="BigQuery: a statistics query that would read more is refused"
    )
    query_rows: int = Field(default=1000, ge=1, le=100_000, description="most rows that POST /queries answers with")

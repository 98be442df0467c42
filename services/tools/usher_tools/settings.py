"""The box office's settings; every variable is `USHER_TOOLS_<NAME>`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_TOOLS_", extra="ignore")

    max_seats_per_hold: int = Field(default=12, ge=1, le=50, description="most seats in one hold")
    max_live_holds: int = Field(default=3, ge=1, description="most holds that one customer may have at a time")
    max_hold_seconds: float = Field(
        default=1800, ge=60, description="longest time that a customer keeps a seat by holding it again and again"
    )
    hold_chain_gap_seconds: float = Field(
        default=60, ge=0, description="a seat held again within this time continues the earlier hold's life"
    )
    quote_seconds: float = Field(default=600, ge=30, description="how long a quote may be confirmed")
    payment_window_seconds: float = Field(
        default=120,
        ge=10,
        description="seats stay reserved this long for a payment under way; afterwards an unpaid one is called off",
    )
    reconcile_seconds: float = Field(default=15, gt=0, description="pause between looks at unfinished payments")
    search_limit: int = Field(default=20, ge=1, le=100, description="most events in one search answer")
    seat_watch_seconds: float = Field(
        default=5, gt=0, description="pause between looks for shows that sold out or have seats for those who wait"
    )
    wait_list_offer_seconds: int = Field(
        default=900, ge=60, le=900, description="how long seats stay held for the next in line on a wait list"
    )

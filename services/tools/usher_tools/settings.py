"""The box office's settings; every variable is `USHER_TOOLS_<NAME>`."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
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
    max_held_seats: int = Field(
        default=24, ge=1, le=500, description="most seats of one event that one customer holds at a time"
    )
    keep_rows_whole: bool = Field(
        default=False,
        description="refuse a hold that leaves a single seat beside another customer's while its section has better",
    )
    quote_extends_seconds: float = Field(
        default=180, ge=0, description="a purchase that is quoted keeps its seats at least so long from then"
    )
    quote_seconds: float = Field(default=600, ge=30, description="how long a quote may be confirmed")
    payment_window_seconds: float = Field(
        default=120,
        ge=10,
        description="seats stay reserved this long for a payment under way; afterwards an unpaid one is called off",
    )
    reconcile_seconds: float = Field(default=15, gt=0, description="pause between looks at unfinished payments")
    waiver_days: float = Field(
        default=7, gt=0, le=365, description="how long an exception from a policy, once approved, may be used"
    )
    search_limit: int = Field(default=20, ge=1, le=100, description="most events in one search answer")
    seat_watch_seconds: float = Field(
        default=5, gt=0, description="pause between looks for shows that sold out or have seats for those who wait"
    )
    wait_list_offer_seconds: int = Field(
        default=900, ge=60, le=900, description="how long seats stay held for the next in line on a wait list"
    )
    ticket_signing_key: SecretStr | None = Field(
        default=None,
        description="Ed25519 private keys that sign digital tickets, newest first: PEM blocks, or seeds of 32 bytes in "
        "base64 (docs/guides/tickets.md); default: there are no digital tickets",
    )

    stripe_secret_key: SecretStr | None = Field(
        default=None, description="Stripe's secret or restricted key; default: the sandbox, which moves no money"
    )
    stripe_webhook_secret: SecretStr | None = Field(
        default=None,
        description="signing secret of Stripe's webhook endpoint `/webhooks/stripe`; two, apart by a space, while one "
        "replaces the other; default: none are taken",
    )
    partner_url: str | None = Field(
        default=None,
        description="base URL of the ticketing system that the venue keeps itself (docs/guides/box-office-partner.md); "
        "default: seats and orders are kept here",
    )
    partner_key: SecretStr | None = Field(default=None, description="bearer key that the venue's system gave us")
    partner_try_seconds: float = Field(default=4.0, gt=0, description="for one request to the venue's system")
    partner_call_seconds: float = Field(
        default=8.0, gt=0, description="for a read or a hold there, with all repetitions"
    )
    partner_action_seconds: float = Field(
        default=20.0,
        gt=0,
        description="for a charge, move or refund there, with all repetitions; then it is reconciled",
    )
    partner_failures: int = Field(
        default=5, ge=1, description="after so many failures in a row the venue's system is left alone for a while"
    )
    partner_pause_seconds: float = Field(default=5.0, gt=0, description="how long it is left alone")
    partner_connections: int = Field(default=64, ge=1, description="most connections to the venue's system")

    @field_validator("partner_url")
    @classmethod
    def _is_private(cls, value: str | None) -> str | None:
        """The key must not cross a network in the clear."""
        if value is None:
            return None
        url = urlsplit(value)
        local = url.hostname in ("localhost", "127.0.0.1", "::1")
        if not url.hostname or url.scheme not in (("http", "https") if local else ("https",)):
            raise ValueError("it is no https:// URL (http:// only for this machine)")
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("it takes no user, password, query or fragment")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.partner_url is None) != (self.partner_key is None):
            raise ValueError("USHER_TOOLS_PARTNER_URL and USHER_TOOLS_PARTNER_KEY are set together or not at all")
        return self

"""The gateway's settings, from USHER_GATEWAY_* variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from usher_gateway.identity.model import Scope


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_GATEWAY_")

    issuer: str | None = Field(default=None, description="`iss` of accepted bearer tokens; none: API keys only")
    audience: str = Field(default="usher", description="`aud` of accepted bearer tokens")
    jwks_file: Path | None = Field(default=None, description="the issuer's JWKS as a file")
    jwks_url: str | None = Field(default=None, description="the issuer's JWKS as a URL; the file is preferred")
    token_scopes: tuple[Scope, ...] = Field(
        default=("chat", "orders", "tools", "privacy"),
        description="what a customer with a bearer token may do; of that, a token that names scopes has those alone",
    )
    key_cache_seconds: float = Field(
        default=3.0, ge=0, le=60, description="how long an API key's record is believed; a revoked key works as long"
    )
    requests_per_minute: int = Field(
        default=60, ge=1, description="for a key without a limit of its own, a customer, an unidentified address"
    )
    notices_per_minute: int = Field(
        default=1200, ge=1, description="notifications of payment providers (POST /webhooks/stripe) from one address"
    )
    notice_seconds: float = Field(default=10.0, gt=0, description="how long such a notification may take to arrive")
    limit_storage: str = Field(
        default="memory://", description="where requests are counted: memory:// (this process) or a Redis URI"
    )
    cache_storage: str = Field(
        default="memory://", description="where catalogue answers are kept: memory:// (this process) or a Redis URI"
    )
    redis_seconds: float = Field(
        default=0.1, gt=0, le=5, description="how long a request waits for Redis, once; then it does without"
    )
    catalogue_seconds: float = Field(
        default=2.0, ge=0, le=60, description="how old an answer of GET /events may be; 0 asks the box office each time"
    )
    trusted_proxies: int = Field(
        default=0, ge=0, le=10, description="how many proxies in front append to X-Forwarded-For"
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(), description="web origins that may call from a browser (CORS); none by default"
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+$",
        description="under which clients reach the gateway, such as https://tickets.example.org; default on Google "
        "Cloud: the service's own. `/mcp` is answered under no other name but localhost",
    )
    turn_seconds: float = Field(default=60.0, gt=0, description="how long a turn of the conversation may take")
    call_seconds: float = Field(default=15.0, gt=0, description="how long any other call may take")
    stream_idle_seconds: float = Field(
        default=60.0, gt=0, description="how long a stream may be silent (heartbeats count) before it is given up"
    )

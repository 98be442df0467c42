"""What an operator may set; environment variables start with USHER_INFERENCE_."""

from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_INFERENCE_")

    max_body_bytes: int = Field(default=4 << 20, ge=1024, description="largest request body, in bytes")
    max_messages: int = Field(default=2000, ge=1, description="most messages that one request may carry")
    default_deadline_seconds: float = Field(
        default=100.0, gt=0, description="how long an answer may take where the request does not say (`Usher-Deadline`)"
    )
    max_deadline_seconds: float = Field(default=600.0, gt=0, description="the longest that a request may ask for")
    client_keys: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]] = Field(
        default_factory=list,
        description="SHA-256, in hexadecimal, of each API key that a client outside of the services may call /v1 with"
        " (`python -m usher_inference.client_keys` makes one)",
    )
    ready_seconds: float = Field(
        default=30.0,
        ge=0,
        description="how long a generated piece proves an engine alive to /ready; after that it is asked for one token",
    )

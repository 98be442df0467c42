"""What an operator may set; environment variables start with USHER_INFERENCE_."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="USHER_INFERENCE_")

    max_body_bytes: int = Field(default=4 << 20, ge=1024, description="largest request body, in bytes")
    max_messages: int = Field(default=2000, ge=1, description="most messages that one request may carry")
    ready_seconds: float = Field(
        default=30.0,
        ge=0,
        description="how long a generated piece proves an engine alive to /ready; after that it is asked for one token",
    )

"""Settings of the agent; environment variables `USHER_AGENT_<NAME>`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Durations in seconds. Each field is one environment variable."""

    model_config = SettingsConfigDict(env_prefix="USHER_AGENT_", protected_namespaces=())

    model_url: str | None = Field(
        default=None, description="base URL of an OpenAI-compatible server, with /v1; default: the inference service"
    )
    model_name: str = Field(default="usher-playbook", description="`model` of each completion request")
    model_api_key: SecretStr | None = Field(default=None, description="bearer key of that server, if it wants one")
    model_temperature: float | None = Field(default=None, description="sampling; default: the server's own")
    model_timeout_seconds: float = Field(default=30.0, gt=0, description="for one completion")
    tools_url: str | None = Field(
        default=None, description="base URL of our own box office, which is shown our token; default: the tools service"
    )
    tool_timeout_seconds: float = Field(default=10.0, gt=0, description="for one tool call")
    action_timeout_seconds: float = Field(default=25.0, gt=0, description="for a call that charges, moves or refunds")
    home_time_zone: str = Field(default="America/New_York", description="IANA name; what `tonight` means here")
    step_limit: int = Field(default=8, ge=1, le=32, description="model calls in one turn")
    parallel_limit: int = Field(default=8, ge=1, le=32, description="tool calls in one step")
    wall_limit_seconds: float = Field(default=60.0, gt=0, description="for the model's part of one turn")
    history_characters: int = Field(default=60_000, ge=2_000, description="of earlier turns that the model sees")
    idle_seconds: float = Field(default=1800.0, gt=0, description="silence after which a conversation is completed")
    sweep_seconds: float = Field(default=15.0, gt=0, description="between looks for idle and unfinished business")
    heartbeat_seconds: float = Field(default=15.0, gt=0, description="between comments on a silent stream")
    flush_seconds: float = Field(default=0.05, gt=0, description="longest wait of streamed text before it is stored")
    frame_retention_seconds: float = Field(default=86_400.0, gt=0, description="how long a stream can be resumed")
    shutdown_seconds: float = Field(default=2.0, ge=0, description="that running turns get at shutdown")
    single_process: bool = Field(
        default=False, description="this process is the only agent on its store: leases of an earlier one are void"
    )

    @field_validator("home_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

"""Settings of the agent; environment variables `USHER_AGENT_<NAME>`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from usher_agent.knowledge.settings import KnowledgeSettings
from usher_agent.models.settings import ModelSettings


class Settings(KnowledgeSettings):
    """Durations in seconds. Each field is one environment variable."""

    model_config = SettingsConfigDict(env_prefix="USHER_AGENT_", protected_namespaces=())

    model_url: str | None = Field(
        default=None, description="base URL of an OpenAI-compatible server, with /v1; default: the inference service"
    )
    model_name: str = Field(default="usher-playbook", description="`model` of each completion request")
    model_api_key: SecretStr | None = Field(default=None, description="bearer key of that server, if it wants one")
    model_temperature: float | None = Field(default=None, description="sampling; default: the server's own")
    model_timeout_seconds: float = Field(default=30.0, gt=0, description="for one completion of that model")
    models: list[ModelSettings] = Field(
        default=[],
        description="JSON list of models in the order in which they are asked, instead of the one of "
        "USHER_AGENT_MODEL_*; docs/guides/models.md has their members",
    )
    playbook_last: bool = Field(
        default=True, description="the inference service's playbook answers when no other model does"
    )
    conversation_budget_usd: float | None = Field(
        default=None, ge=0, description="for models in one conversation; then only what costs nothing answers"
    )
    daily_budget_usd: float | None = Field(
        default=None, ge=0, description="for models on one day (UTC), over all processes of the agent"
    )
    answer_cache_seconds: float = Field(
        default=0.0, ge=0, le=3600, description="how long answers to impersonal first questions are kept; 0: not at all"
    )
    router_model: ModelSettings | None = Field(
        default=None,
        description="JSON, as one of USHER_AGENT_MODELS: the model that decides which specialist answers; "
        "default: the message's words decide",
    )
    router_timeout_seconds: float = Field(default=0.8, gt=0, description="for its decision; then the words decide")
    router_least_confidence: float = Field(default=0.5, ge=0, le=1, description="below it the words decide")
    tools_url: str | None = Field(
        default=None, description="base URL of our own box office, which is shown our token; default: the tools service"
    )
    tool_timeout_seconds: float = Field(default=10.0, gt=0, description="for one tool call")
    action_timeout_seconds: float = Field(default=25.0, gt=0, description="for a call that charges, moves or refunds")
    home_time_zone: str = Field(default="America/New_York", description="IANA name; what `tonight` means here")
    step_limit: int = Field(default=8, ge=1, le=32, description="model calls in one turn")
    parallel_limit: int = Field(default=8, ge=1, le=32, description="tool calls in one step")
    wall_limit_seconds: float = Field(default=60.0, gt=0, description="for the model's part of one turn")
    lease_seconds: float = Field(
        default=30.0, ge=3, description="after which a turn that its process has not renewed is another's to finish"
    )
    queue_seconds: float = Field(
        default=30.0, gt=0, description="longest wait of a message for the turns before it in its conversation"
    )
    queue_limit: int = Field(default=8, ge=1, le=64, description="messages that may wait in one conversation")
    context_tokens: int = Field(
        default=32_000,
        ge=4_000,
        description="of the model's window: prompt, tools, earlier turns and what a turn brings, by estimate; what no "
        "longer fits is summarised",
    )
    crisis_lines: str = Field(
        default="in the US call or text 988, in the UK and Ireland call 116 123, elsewhere in Europe call 112",
        description="whom the agent names to a customer who may be about to hurt themselves",
    )
    emergency_number: str = Field(
        default="911 in the US, 999 in the UK or 112 in Europe", description="that it names where somebody is in danger"
    )
    check_replies: bool = Field(
        default=True, description="refuse replies that name figures or promise things which no tool's answer bears out"
    )
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

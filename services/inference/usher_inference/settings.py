"""What an operator may set; environment variables start with USHER_INFERENCE_."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

from usher_inference.remote_settings import RemoteModel


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
    remote_models: tuple[RemoteModel, ...] = Field(
        default=(), description="models that run elsewhere and are served here too, as a JSON list of objects"
    )
    # releases
    releases_folder: Path | None = Field(
        default=None, description="folder of the artifact store whose releases are served"
    )
    releases_bucket: str | None = Field(
        default=None, description="bucket of the artifact store whose releases are served, without gs://"
    )
    releases_cache: Path | None = Field(
        default=None,
        description="folder where releases are kept while they serve; default: a temporary one, which a restart of the"
        " machine may empty",
    )
    releases_models: tuple[str, ...] = Field(
        default=(), description="the models whose releases this server takes, as a JSON list; none: all"
    )
    releases_follow_newest: bool = Field(
        default=False, description="take up a newer release when it is seen, without /reload or an event"
    )
    releases_poll_seconds: float = Field(
        default=30.0, ge=0, description="how often to look for what was deployed elsewhere; 0: at the start alone"
    )
    releases_room_for_two: bool = Field(
        default=True,
        description="load a release beside the one in service; false: after it, requests meanwhile get 503",
    )
    releases_drain_seconds: float = Field(
        default=300.0, gt=0, description="how long a swap waits for the requests of an earlier release to end"
    )
    releases_smoke_seconds: float = Field(
        default=60.0, gt=0, description="how long each smoke case of a release may take"
    )
    # engines of releases
    engine_slots: int = Field(default=16, ge=1, le=1024, description="answers that a model computes at once")
    engine_context_tokens: int = Field(
        default=8192, ge=64, description="most tokens of a prompt and its answer; a model's own limit may be lower"
    )
    engine_queue: int = Field(default=64, ge=0, description="requests that may wait for a slot; one more gets 429")
    engine_prefill_tokens: int = Field(default=512, ge=1, description="most tokens of prompts that one step reads")
    engine_threads: int = Field(default=0, ge=0, description="of engines on a processor; 0: one a core")
    engine_precision: Literal["auto", "float32", "bfloat16", "4bit"] = Field(
        default="auto", description="of the transformers engine; auto: bfloat16 on a GPU, float32 without"
    )
    engine_merge_adapter: bool = Field(
        default=True, description="merge a release's LoRA adapter into the weights; false: keep it attached"
    )
    engine_device: str | None = Field(default=None, description="torch's name of the device; default: a GPU if any")
    embeddings_folder: Path | None = Field(
        default=None,
        description="folder of a text encoder (model.onnx, tokenizer.json) that /v1/embeddings serves, by the folder's"
        " name, beside `usher-lexical`",
    )
    predict_instances: int = Field(default=1000, ge=1, description="most instances of one request to /predict")
    predict_concurrency: int = Field(default=16, ge=1, description="instances of one request that are answered at once")
    vertex_endpoint: Literal["dedicated", "shared"] = Field(
        default="dedicated", description="on Vertex AI: a shared endpoint has 60 s and 1.5 MB, and does not stream"
    )
    # insights
    insights_model: str | None = Field(
        default=None,
        description="the served model that is asked a question about data which the offline parser does not understand;"
        " none: nobody is",
    )
    insights_rows: int = Field(
        default=1000, ge=1, le=100_000, description="most rows that a query for an insight returns"
    )
    insights_joins: int = Field(default=3, ge=0, le=10, description="most joins of a query for an insight")

"""The wire of OpenAI's chat completions: what is read of a request, and what an engine is asked and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from usher_inference.generation.model import Sampling
from usher_shared.errors import NotFound

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
FinishReason = Literal["stop", "length", "tool_calls"]


class _Lenient(BaseModel):
    """Clients send many fields; those not named here are ignored."""

    model_config = ConfigDict(extra="ignore")


class FunctionCall(_Lenient):
    name: str = Field(max_length=256)
    arguments: str = Field(default="{}", description="JSON, as a string")


class ToolCallMessage(_Lenient):
    id: str = Field(default="", max_length=256)
    type: str = "function"
    function: FunctionCall


class Message(_Lenient):
    """One message of the history; content parts that are no text are passed over."""

    role: Role
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCallMessage] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, list):
            return "\n".join(part["text"] for part in self.content if isinstance(part.get("text"), str))
        return self.content or ""


class FunctionSpec(_Lenient):
    name: str = Field(max_length=256)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict, description="JSON Schema of the arguments")
    strict: bool | None = None


class ToolSpec(_Lenient):
    type: str = "function"
    function: FunctionSpec


class NamedFunction(_Lenient):
    name: str


class NamedTool(_Lenient):
    type: str = "function"
    function: NamedFunction


class StreamOptions(_Lenient):
    include_usage: bool = False


class JsonSchema(_Lenient):
    """What the answer has to be: one JSON object that fits `definition`."""

    name: str = Field(min_length=1, max_length=64)
    definition: dict[str, Any] = Field(default_factory=dict, alias="schema")


class ResponseFormat(_Lenient):
    type: str = "text"
    json_schema: JsonSchema | None = None


def _as_list(given: object) -> object:
    return [given] if isinstance(given, str) else given


_Stops = Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=16), BeforeValidator(_as_list)]


class ChatRequest(_Lenient):
    model: str = Field(min_length=1, max_length=256)
    messages: list[Message] = Field(min_length=1)
    tools: list[ToolSpec] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: _Stops | None = Field(default=None, description="one text or several")
    max_tokens: int | None = Field(default=None, ge=1, lt=1 << 31)
    max_completion_tokens: int | None = Field(default=None, ge=1, lt=1 << 31)
    n: int | None = Field(default=None, ge=1)
    response_format: ResponseFormat | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=-1, description="0 and -1 leave everything in")
    min_p: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, ge=-(1 << 63), lt=1 << 63)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    repetition_penalty: float | None = Field(default=None, ge=0.01, le=100)
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    parallel_tool_calls: bool | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop texts, without empty ones."""
        return tuple(text for text in self.stop or () if text)

    @property
    def token_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def includes_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


@dataclass(frozen=True, slots=True)
class SamplingWishes:
    """What a request says of its sampling; the fields are Sampling's, None where it says nothing."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None

    def over(self, usual: Sampling) -> Sampling:
        """The release's sampling, with the request's own values in their places."""
        said = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        return replace(usual, **said) if said else usual


@dataclass(frozen=True, slots=True)
class Prompt:
    """What an engine answers. `tools` are those it may call now; `forced` means that it has to call one of them.

    With `json` the text has to be one JSON object of that schema. What `sampling` leaves open is the release's.
    `top_logprobs` asks for each token's logarithm of probability and that many alternatives. `deadline_seconds` is how
    long the whole answer may take, waiting included. `stops` are cut by the caller; an engine that knows them ends
    after the first (its text may go on into or behind it), with Finished and its figures.
    """

    messages: Sequence[Message]
    tools: Sequence[FunctionSpec] = ()
    forced: bool = False
    json: JsonSchema | None = None
    sampling: SamplingWishes = SamplingWishes()
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    top_logprobs: int | None = None
    parallel_calls: bool = True
    deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TokenChance:
    """A token as text, with the natural logarithm of its probability; `top` are the likeliest at its place.

    Bytes that are a part of a character stand in the text as Python's `surrogateescape` writes them.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str
    chances: tuple[TokenChance, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole call; `arguments` is a JSON object."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of call number `index` (0, 1, ...): the first carries its name, all a fragment of its JSON arguments.

    All pieces of a call together are one JSON object, also where the model wrote something broken.
    """

    index: int
    arguments: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts by the engine's own measure; `cached_tokens` are those of the prompt that needed no work."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0

    def wire(self) -> dict[str, Any]:
        total = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }


@dataclass(frozen=True, slots=True)
class Finished:
    """The last piece of every answer."""

    reason: FinishReason
    usage: Usage


Delta = TextDelta | ToolCall | CallPiece | Finished


def model_not_found(model: str) -> NotFound:
    """What a request for a model that is not served is answered."""
    return NotFound(
        f"The model `{model}` does not exist or is not served here.",
        code="model_not_found",
        extra={"param": "model"},
    )

"""The language model as the agent sees it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from usher_shared.model_servers.answers import Refused, RequestedCall

__all__ = ["ChatModel", "Completion", "CompletionRequest", "Listener", "Refused", "RequestedCall"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of the model: text, tool calls, or both.

    `cached_tokens` are those of the prompt that the server had kept and charges less for. `cost_nanos` is in
    billionths of a US dollar, None where it is not known; `charged_nanos` is what a budget counts, never below it.
    `passed_over` names the models that failed first, or were left alone; `candidate` the one of the order that
    answered, unless it was the last resort.
    """

    text: str
    tool_calls: Sequence[RequestedCall] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    model: str = ""
    version: str = ""
    variant: str = ""
    cost_nanos: int | None = None
    charged_nanos: int = 0
    passed_over: tuple[str, ...] = ()
    candidate: str | None = None
    is_kept: bool = False  # an earlier answer to the same request: no model was asked


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """OpenAI chat messages and tools; `conversation_id` lets a server pin a conversation to one variant.

    `response_format` is OpenAI's (`json_schema`). `timeout_seconds` is for the whole answer, whoever gives it.
    `avoid` names models that failed earlier in the turn. `free_only`: the budget is spent, so that only a model that
    costs nothing may be asked.
    """

    messages: Sequence[dict[str, Any]]
    tools: Sequence[dict[str, Any]]
    conversation_id: str
    customer_id: str = ""
    timeout_seconds: float = field(default=30.0)
    response_format: dict[str, Any] | None = None
    avoid: Collection[str] = ()
    free_only: bool = False


class Listener(Protocol):
    """Hears the text of an answer piece by piece."""

    def __call__(self, text: str, /) -> None: ...

    def start_over(self) -> None:
        """What was heard so far is no answer: another model begins anew."""
        ...


class ChatModel(Protocol):
    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        """The model's next message. With `on_text` its text is also handed over piece by piece as it comes.

        Raises UsherError children: Unavailable (not reached, or overloaded: with `retry_after_seconds` where the
        server names a time), UpstreamTimeout, UpstreamFailed (an answer that is no completion), and Refused. Nothing
        was done that a second attempt would do twice.
        """
        ...

    async def ping(self) -> None:
        """Return if the model's server answers; raise otherwise."""
        ...

    async def close(self) -> None: ...

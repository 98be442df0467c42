"""The language model as the agent sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class RequestedCall:
    """A tool call as the model emitted it; `arguments` is JSON text that may be broken."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of the model: text, tool calls, or both."""

    text: str
    tool_calls: Sequence[RequestedCall] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    version: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """OpenAI chat messages and tools; `conversation_id` lets a server pin a conversation to one variant."""

    messages: Sequence[dict[str, Any]]
    tools: Sequence[dict[str, Any]]
    conversation_id: str
    customer_id: str = ""
    timeout_seconds: float = field(default=30.0)


class ChatModel(Protocol):
    async def complete(self, request: CompletionRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """The model's next message. With `on_text` its text is also handed over piece by piece as it comes.

        Raises UsherError children: Unavailable, UpstreamTimeout, UpstreamFailed (an answer that is no completion).
        """
        ...

    async def ping(self) -> None:
        """Return if the model's server answers; raise otherwise."""
        ...

    async def close(self) -> None: ...

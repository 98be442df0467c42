"""What the API needs of an engine, and of those who hold the engines."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from usher_inference.completions.model import Delta, Prompt

GRACE_SECONDS = 0.5  # beyond a deadline: engines keep it themselves and say it better


class Engine(Protocol):
    """A model that continues a conversation."""

    @property
    def model(self) -> str:
        """The id that requests name it by."""
        ...

    @property
    def version(self) -> str: ...

    def count_tokens(self, text: str) -> int:
        """The length of a text in this engine's tokens; an estimate where it has no tokenizer."""
        ...

    def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        """The next message, piece by piece: text in small pieces, whole tool calls or their pieces, then Finished.

        Closing the iterator early cancels the work. Raises, before the first piece, InvalidRequest for a prompt that
        it cannot answer (too long, a schema that it does not serve) and RateLimited when too many wait; at any time
        UpstreamTimeout and Unavailable.
        """
        ...


class RemoteEngine(Engine, Protocol):
    """A model that another server runs."""

    async def close(self) -> None:
        """End the connections to it."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """An engine in service. `variant` names its share of the traffic, such as `canary`; alone it is `default`."""

    engine: Engine
    variant: str
    since: datetime


class Models(Protocol):
    """The engines in service; releases come and go while requests run."""

    def lease(self, model: str, conversation_id: str | None) -> AbstractContextManager[Served]:
        """The engine for this conversation. It stays as it is, and loaded, until the context ends.

        Raises NotFound for a model that is not served.
        """
        ...

    def all(self) -> Sequence[Served]:
        """One entry a model and variant."""
        ...

"""What the API needs of an engine."""

from collections.abc import AsyncIterator
from typing import Protocol

from usher_inference.completions.model import Delta, Prompt


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
        """The next message, piece by piece: text in small pieces, or whole tool calls.

        Raises InvalidRequest for a prompt that it cannot answer, before the first piece.
        """
        ...

"""What the API needs of an embedder."""

from collections.abc import Sequence
from typing import Protocol

from usher_inference.embeddings.model import Embedded


class Embedder(Protocol):
    """A model that places texts so that the product of two vectors says how alike their texts are."""

    @property
    def model(self) -> str:
        """The id that requests name it by."""
        ...

    @property
    def version(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Raises InvalidRequest for a text that is too long, and RateLimited when too many wait."""
        ...

"""The index of documents, as the builder and the search see it; what turns texts into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol

from usher_agent.knowledge.model import Document, Hit, Question, Stats

Purpose = Literal["document", "query"]


class Embedder(Protocol):
    """Texts as vectors of one length; `name` tells vectors of different models apart."""

    @property
    def name(self) -> str: ...

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        """One vector a text, in order. Raises Unavailable, UpstreamTimeout, UpstreamFailed."""
        ...

    async def close(self) -> None: ...


class IndexWriter(Protocol):
    """A change of the index. Documents are whole: the new one takes the place of all chunks of its source."""

    async def versions(self) -> dict[str, str]:
        """The version of each source that there is anything of; empty where a build was killed in the middle of it."""
        ...

    async def put(self, document: Document) -> None: ...

    async def remove(self, source: str) -> None:
        """Nothing happens if it does not exist."""
        ...


class KnowledgeIndex(Protocol):
    async def search(self, question: Question) -> list[Hit]:
        """The best first, at most `question.limit`; nothing where nothing reaches the floor.

        Raises Unavailable, UpstreamTimeout, UpstreamFailed.
        """
        ...

    def writing(self) -> AbstractAsyncContextManager[IndexWriter]:
        """A change by one builder at a time; an error inside leaves what it did not reach as it was. Raises Conflict.

        A build that was killed is mended by the next: a source counts as indexed only with its last chunk.
        """
        ...

    async def stats(self, moment: datetime) -> Stats: ...

    async def close(self) -> None: ...

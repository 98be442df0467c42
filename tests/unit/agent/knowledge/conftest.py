"""An index in the test's own folder, and what is put into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge
from usher_agent.knowledge.model import Hit, Question
from usher_agent.knowledge.service import build
from usher_shared.clock import ManualClock

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


class Library:
    """A folder of documents and its index."""

    def __init__(self, home: Path, clock: ManualClock) -> None:
        self.folder = home / "documents"
        self.folder.mkdir()
        self.path = home / "knowledge.db"
        self.clock = clock
        self.index = SqliteKnowledge(self.path, clock)

    def write(self, source: str, content: str | bytes) -> None:
        file = self.folder / source
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    async def build(self, **more: Any) -> Any:
        return await build(self.folder, self.index, **more)

    async def search(self, text: str, **more: Any) -> list[Hit]:
        return await self.index.search(Question(text, self.clock.now(), **more))


@pytest.fixture
async def library(tmp_path: Path) -> Any:
    made = Library(tmp_path, ManualClock(NOW))
    yield made
    await made.index.close()


@pytest.fixture
def found(library: Library) -> Callable[..., Awaitable[list[str]]]:
    """Searches and answers the texts found."""

    async def search(text: str, **more: Any) -> list[str]:
        return [hit.chunk.text for hit in await library.search(text, **more)]

    return search

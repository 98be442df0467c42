"""An engine that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from usher_inference.completions.model import Delta, Finished, Prompt, TextDelta, Usage, model_not_found
from usher_inference.completions.ports import Engine, Served

ANSWER: Sequence[Delta] = (TextDelta("Good "), TextDelta("evening"), Finished("stop", Usage(7, 2, 5)))


class ScriptedEngine:
    """Gives `script` piece by piece, raising what is an exception; waits for `go` after `pieces_before_go` pieces."""

    def __init__(
        self,
        script: Sequence[Delta | Exception] = ANSWER,
        *,
        model: str = "scripted",
        version: str = "1",
        pieces_before_go: int | None = None,
    ) -> None:
        self.model = model
        self.version = version
        self.script = script
        self.prompts: list[Prompt] = []
        self.closed = 0
        self.ended = asyncio.Event()
        self.waits = asyncio.Event()
        self.go = asyncio.Event()
        self._pieces_before_go = pieces_before_go

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        self.prompts.append(prompt)
        try:
            for index, piece in enumerate(self.script):
                if index == self._pieces_before_go:
                    self.waits.set()
                    await self.go.wait()
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed += 1
            self.ended.set()


class ScriptedModels:
    """Engines that a test exchanges as it likes."""

    def __init__(self, *engines: Engine, variant: str = "stable") -> None:
        self.engines = list(engines)
        self._variant = variant

    def lease(self, model: str, conversation_id: str | None) -> AbstractContextManager[Served]:
        for served in self.all():
            if served.engine.model == model:
                return nullcontext(served)
        raise model_not_found(model)

    def all(self) -> Sequence[Served]:
        return [Served(engine, self._variant, datetime(2026, 11, 20, tzinfo=UTC)) for engine in self.engines]

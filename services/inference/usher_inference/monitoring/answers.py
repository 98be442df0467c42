"""Every answer of every engine measured and traced."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from usher_inference.completions.model import Delta, Finished, Prompt
from usher_inference.completions.ports import Engine, Models, Served
from usher_inference.metrics import Metrics, Outcome
from usher_inference.monitoring import spans
from usher_shared.errors import InvalidRequest, RateLimited, UpstreamTimeout

_HEARD_SECONDS = 1.0  # between two times that an engine's readers are told of it
_REFUSALS = (InvalidRequest, RateLimited)
Heard = Callable[[Engine], None]


class ObservedModels:
    """Models whose answers are measured and traced; `heard` is called when an engine gives pieces, once a second."""

    def __init__(self, models: Models, metrics: Metrics, heard: Heard) -> None:
        self._models = models
        self._metrics = metrics
        self._heard = heard

    @contextmanager
    def lease(self, model: str, conversation_id: str | None) -> Iterator[Served]:
        with self._models.lease(model, conversation_id) as served:
            observed = _ObservedEngine(served, conversation_id, self._metrics, self._heard)
            yield replace(served, engine=observed)

    def all(self) -> Sequence[Served]:
        """As they are: what is asked of these is nobody's traffic."""
        return self._models.all()


class _ObservedEngine:
    def __init__(self, served: Served, conversation_id: str | None, metrics: Metrics, heard: Heard) -> None:
        self._served = served
        self._engine = served.engine
        self._conversation_id = conversation_id
        self._metrics = metrics.requests(served.engine.model, served.engine.version, served.variant)
        self._heard = heard

    @property
    def model(self) -> str:
        return self._engine.model

    @property
    def version(self) -> str:
        return self._engine.version

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        began = time.monotonic()
        outcome: Outcome = "closed"
        first = 0.0
        finished: Finished | None = None
        error = ""
        span = spans.begin_chat(self._served, self._conversation_id, prompt)
        self._metrics.begun()
        pieces = self._engine.generate(prompt)
        try:
            with span.inside():  # what the engine begins for this answer belongs to the span
                piece = await anext(pieces, None)
            first = time.monotonic() - began
            self._metrics.first_piece(first)
            heard_at = 0.0
            while piece is not None:
                now = time.monotonic()
                if now - heard_at > _HEARD_SECONDS:
                    heard_at = now
                    self._heard(self._engine)
                if isinstance(piece, Finished):
                    finished, outcome = piece, piece.reason
                yield piece
                piece = await anext(pieces, None)
        except Exception as problem:
            outcome, error = _outcome(problem), type(problem).__name__
            raise
        finally:
            usage = finished.usage if finished else None
            took = time.monotonic() - began
            if usage is None:
                self._metrics.ended(outcome, took)
            else:
                self._metrics.ended(outcome, took, usage.prompt_tokens, usage.completion_tokens)
            spans.end_chat(span, finished, first, error)
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()


def _outcome(problem: Exception) -> Outcome:
    if isinstance(problem, _REFUSALS):
        return "refused"
    return "deadline" if isinstance(problem, UpstreamTimeout) else "failed"

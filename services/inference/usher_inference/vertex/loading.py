"""Models that are still being loaded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from usher_inference.completions.ports import Models, Served
from usher_shared.errors import Unavailable


class LoadingModels:
    """Nothing, until `put` says what is served."""

    def __init__(self) -> None:
        self._models: Models | None = None

    def put(self, models: Models) -> None:
        self._models = models

    def lease(self, model: str, conversation_id: str | None) -> AbstractContextManager[Served]:
        if self._models is None:
            raise Unavailable("no model is loaded yet", code="model_loading", retry_after_seconds=5)
        return self._models.lease(model, conversation_id)

    def all(self) -> Sequence[Served]:
        return () if self._models is None else self._models.all()

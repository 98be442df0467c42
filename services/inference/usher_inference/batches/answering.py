"""The lines of a batch answered by the models of this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usher_inference.batches.model import Line
from usher_inference.vertex.model import RawChat
from usher_inference.vertex.service import Predictor


@dataclass(frozen=True, slots=True)
class PredictedAnswers:
    """Implements `Answers`."""

    predictor: Predictor

    @property
    def made_by(self) -> str:
        engines = [served.engine for served in self.predictor.models.all()]
        return ", ".join(f"{engine.model} {engine.version}" for engine in engines)

    async def answer(self, line: Line) -> dict[str, Any]:
        if line.shape == "instance":
            return await self.predictor.predict_one(line.asked, {}, self.predictor.limits.deadline_seconds)
        return await self.predictor.complete(self.predictor.start(RawChat(line.asked)))

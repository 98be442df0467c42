"""Question in, checked-to-be SQL out: reading, binding, writing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from usher_inference.insights.parsing.binding import bind
from usher_inference.insights.parsing.lexicon import Lexicon
from usher_inference.insights.parsing.plan import Plan
from usher_inference.insights.parsing.reading import read
from usher_inference.insights.parsing.writing import Written, write
from usher_shared.contracts.insights import Dataset


@dataclass(frozen=True, slots=True)
class Parsed:
    plan: Plan
    written: Written


def parse(question: str, dataset: Dataset, today: date) -> Parsed:
    """What the question asks of the dataset. Raises QuestionNotUnderstood."""
    plan = bind(read(question, Lexicon(dataset), today), dataset)
    return Parsed(plan, write(plan))

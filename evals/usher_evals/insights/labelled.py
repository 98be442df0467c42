"""The labelled set: questions over four datasets with the query that answers them, and questions that none answers.

Three datasets are split in halves, question by question: those looked at while the parser was written (`tune`) and
those that were not (`test`). The fourth, corner_shop, is held out whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Literal

from usher_shared.contracts.insights import Dataset, InsightRequest

Split = Literal["tune", "test"]
TODAY = date(2026, 11, 20)  # a Friday; what "last week" is counted from
OWN = "usher"  # the project's own warehouse: its metadata is the logger's
NAMES = (OWN, "city_library", "bike_trips", "corner_shop")
_HELD_OUT = frozenset({"corner_shop"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """`sql` is BigQuery's, on unqualified tables."""

    question: str
    sql: str
    split: Split


@dataclass(frozen=True, slots=True)
class LabelledDataset:
    """`unanswerable` are questions to be refused."""

    dataset: Dataset
    request: InsightRequest
    questions: Sequence[Labelled]
    unanswerable: Sequence[str]


def read_labelled(name: str, own: Dataset) -> LabelledDataset:
    """The dataset of that name with its questions; `own` is what the logger says of its warehouse."""
    found = json.loads(files("usher_evals").joinpath("data", "insights", f"{name}.json").read_text("utf-8"))
    metadata = own.metadata.model_dump(mode="json") if name == OWN else found["metadata"]
    request = InsightRequest(user_query="?", dataset_name=found["name"], dataset_metadata=metadata)
    questions = [
        Labelled(question, sql, "test" if name in _HELD_OUT or position % 2 else "tune")
        for position, (question, sql) in enumerate(found["questions"])
    ]
    return LabelledDataset(request.dataset(), request, questions, found["refused"])

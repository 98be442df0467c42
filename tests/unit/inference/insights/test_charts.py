"""Every chart is a valid Vega-Lite 5 specification, by the schema that Altair 5 carries."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from usher_evals.insights.labelled import NAMES, TODAY, read_labelled
from usher_inference.insights.charts import Chart, Field, choose, draw
from usher_inference.insights.service import answer_offline
from usher_logger.warehouse.dataset import load_dataset

MONTH, DAY = Field("month", "time", "month"), Field("at", "time")
WEEKDAY, BRANCH, PLAN = (
    Field("weekday", "category", "weekday"),
    Field("branch", "category"),
    Field("p.l[a]n", "category"),
)
COUNT, TOTAL = Field("count", "number"), Field("total", "number")
SHAPES = [
    [MONTH, COUNT],
    [MONTH, COUNT, TOTAL],
    [MONTH, BRANCH, COUNT],
    [DAY, COUNT],
    [BRANCH, COUNT],
    [BRANCH, COUNT, TOTAL],
    [BRANCH, PLAN, COUNT],
    [WEEKDAY, COUNT],
    [WEEKDAY, COUNT, TOTAL],
    [COUNT],
    [COUNT, TOTAL],
    [BRANCH, PLAN, WEEKDAY, COUNT],
    [BRANCH],
    [DAY, MONTH, COUNT],
    [MONTH, BRANCH, PLAN, COUNT],
]


@pytest.fixture(scope="module")
def validator() -> Any:
    found = find_spec("altair")
    if found is None or found.origin is None:
        pytest.skip("altair is not installed")
    file = Path(found.origin).parent / "vegalite/v5/schema/vega-lite-schema.json"
    return jsonschema.Draft7Validator(json.loads(file.read_text()))


def problem(validator: Any, spec: dict[str, Any]) -> str | None:
    error = jsonschema.exceptions.best_match(validator.iter_errors(spec))
    return None if error is None else f"{error.json_path}: {error.message[:300]}"


def test_the_schema_refuses_what_is_no_chart(validator: Any) -> None:
    spec = draw(Chart("bar", BRANCH, COUNT), [BRANCH, COUNT], "x")
    assert problem(validator, spec) is None
    assert problem(validator, spec | {"mark": {"type": "pie"}}) is not None
    assert problem(validator, spec | {"encoding": {"x": {"field": "a", "type": "number"}}}) is not None


@pytest.mark.parametrize("fields", SHAPES, ids=["-".join(each.name for each in fields) for fields in SHAPES])
@pytest.mark.parametrize("grouped", [True, False])
def test_usual_charts_are_valid_and_show_the_answer(validator: Any, fields: list[Field], grouped: bool) -> None:
    spec = draw(choose(fields, grouped=grouped), fields, "title")
    assert problem(validator, spec) is None
    assert spec["data"] == {"name": "result"}


@pytest.mark.parametrize("mark", ["auto", "bar", "line", "area", "point", "arc", "text", "table"])
def test_proposed_charts_are_valid(validator: Any, mark: Any) -> None:
    for fields in SHAPES:
        numbers = [each for each in fields if each.kind == "number"]
        chart = Chart(mark, fields[0], numbers[0] if numbers else None, fields[1] if len(fields) > 2 else None)
        assert problem(validator, draw(chart, fields, "title")) is None, fields


@pytest.mark.parametrize("name", NAMES)
def test_charts_of_labelled_questions_are_valid_and_name_columns_of_the_answer(validator: Any, name: str) -> None:
    labelled = read_labelled(name, load_dataset())
    for each in (question for question in labelled.questions if question.split == "tune"):
        insight = answer_offline(each.question, labelled.dataset, TODAY)
        assert problem(validator, insight.visualization_config) is None, each.question

"""POST /v1/insights: its contract, who answers, and what becomes of a model's bad answers."""

from __future__ import annotations

from typing import Any

import pytest

from unit.inference.insights.conftest import Asking, WritingEngine, library
from usher_inference.completions.model import SamplingWishes

FIELDS = {"sql_query", "visualization_config", "explanation", "model_used", "model_version"}
HARD = "Which members are the most devoted, and why?"
GOOD = {
    "sql": "SELECT branch, SUM(fine) AS total FROM city_library.loans GROUP BY branch ORDER BY total DESC",
    "explanation": "Fines added up for each branch.",
    "chart": {"mark": "arc", "x": "branch", "y": "total", "color": None},
}


async def test_the_parser_answers_with_exactly_the_contracts_fields(offline: Asking) -> None:
    answer = await offline.ask(library("Total fines per branch last year"))
    assert answer.status_code == 200
    insight = answer.json()
    assert set(insight) == FIELDS
    assert insight["model_used"] == "usher-insights"
    assert insight["model_version"]
    assert "SUM(loans.fine)" in insight["sql_query"]
    assert insight["visualization_config"]["data"] == {"name": "result"}
    assert insight["explanation"] == (
        "The total of fine, for each branch, where borrowed at is from 2025-01-01 to 2025-12-31. Days are UTC."
    )


async def test_a_question_that_is_not_understood_is_told_word_by_word(offline: Asking) -> None:
    answer = await offline.ask(library("How many unicorns were borrowed?"))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == "question_not_understood"
    assert '"unicorns"' in answer.json()["detail"]


async def test_a_model_is_asked_what_the_parser_cannot_read() -> None:
    engine = WritingEngine(GOOD)
    asking = Asking([engine], insights_model="writer")
    easy = (await asking.ask(library("How many members do we have?"))).json()
    assert (easy["model_used"], engine.prompts) == ("usher-insights", [])
    insight = (await asking.ask(library(HARD))).json()
    assert set(insight) == FIELDS
    assert (insight["model_used"], insight["model_version"]) == ("writer", "7")
    assert insight["explanation"] == GOOD["explanation"]
    assert insight["sql_query"].endswith("LIMIT 1000")
    assert insight["visualization_config"]["mark"] == {"type": "arc"}


async def test_a_model_that_is_named_answers_also_what_is_easy_with_its_own_sampling() -> None:
    engine = WritingEngine(GOOD)
    answer = await Asking([engine]).ask(library("How many members do we have?", model="writer"))
    assert answer.json()["model_used"] == "writer"
    (prompt,) = engine.prompts
    assert prompt.sampling == SamplingWishes()  # nothing wished for: the release's tuned sampling
    assert prompt.json is not None
    assert prompt.json.definition["required"] == ["sql", "explanation", "chart"]
    system = prompt.messages[0].text()
    assert "city_library.books" in system
    assert "2026-11-20" in system
    assert "one of 'Central', 'Riverside', 'Hill Street'" in system
    assert prompt.messages[-1].text() == "How many members do we have?"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("no JSON at all", "Invalid JSON"),
        ({"sql": 7, "explanation": "x"}, "sql"),
        (GOOD | {"sql": "DROP TABLE loans"}, "only SELECT"),
        (GOOD | {"sql": "SELECT password FROM city_library.members"}, "password"),
        (GOOD | {"sql": "SELECT * FROM city_library.loans; DELETE FROM city_library.loans"}, "one statement"),
        (GOOD | {"sql": "SELECT * FROM EXTERNAL_QUERY('c', 'SELECT 1')"}, "table function"),
        (GOOD | {"sql": "SELECT l.fine FROM city_library.loans l, city_library.books b"}, "equate"),
    ],
)
async def test_a_model_hears_what_was_wrong_and_answers_again(bad: Any, why: str) -> None:
    engine = WritingEngine(bad, GOOD)
    answer = await Asking([engine]).ask(library(HARD, model="writer"))
    assert answer.status_code == 200
    assert "SUM(loans.fine)" in answer.json()["sql_query"]
    again = engine.prompts[1].messages[-1]
    assert again.role == "user"
    assert why in again.text()


async def test_a_model_that_never_writes_what_may_run_is_given_up() -> None:
    engine = WritingEngine(*[GOOD | {"sql": "DELETE FROM city_library.loans WHERE TRUE"}] * 5)
    answer = await Asking([engine]).ask(library(HARD, model="writer"))
    assert (answer.status_code, answer.json()["code"]) == (502, "no_insight")
    assert "only SELECT" in answer.json()["detail"]
    assert len(engine.prompts) == 3


async def test_a_model_may_say_that_the_data_has_no_answer() -> None:
    engine = WritingEngine({"sql": " ", "explanation": "Moods are not recorded.", "chart": GOOD["chart"]})
    answer = await Asking([engine]).ask(library(HARD, model="writer"))
    assert (answer.status_code, answer.json()["detail"]) == (422, "Moods are not recorded.")


@pytest.mark.parametrize(
    ("chart", "mark"),
    [
        ({"mark": "line", "x": "nowhere", "y": "total", "color": None}, "bar"),
        ({"mark": "auto", "x": None, "y": None, "color": None}, "bar"),
        ({"mark": "table", "x": None, "y": None, "color": None}, "text"),
        ({"mark": "bar", "x": "total", "y": "branch", "color": "nothing"}, "bar"),
    ],
)
async def test_a_chart_of_columns_that_are_not_there_becomes_the_usual_one(chart: dict[str, Any], mark: str) -> None:
    answer = await Asking([WritingEngine(GOOD | {"chart": chart})]).ask(library(HARD, model="writer"))
    spec = answer.json()["visualization_config"]
    assert spec["mark"]["type"] == mark
    assert "nowhere" not in str(spec)


async def test_bounds_are_the_operators() -> None:
    engine = WritingEngine(GOOD)
    asking = Asking([engine], insights_rows=5)
    assert (await asking.ask(library(HARD, model="writer"))).json()["sql_query"].endswith("LIMIT 5")
    refused = await Asking([], insights_joins=0).ask(library("Total fine by member plan"))
    assert (refused.status_code, refused.json()["code"]) == (422, "query_refused")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"user_query": ""}, 422, "validation_failed"),
        ({"user_query": "x" * 3000}, 422, "validation_failed"),
        ({"dataset_name": "a.b; DROP TABLE c"}, 422, "validation_failed"),
        ({"dataset_metadata": []}, 422, "validation_failed"),
        ({"dataset_metadata": {}}, 422, "bad_dataset"),
        ({"dataset_metadata": {"tables": []}}, 422, "bad_dataset"),
        ({"dataset_metadata": {"tables": {"a b": {"x": "INT64"}}}}, 422, "bad_dataset"),
        ({"dataset_metadata": {"tables": {"a": {"x` FROM secrets --": "INT64"}}}}, 422, "bad_dataset"),
        ({"model": "nobody"}, 404, "model_not_found"),
    ],
)
async def test_bad_requests_are_told(offline: Asking, change: dict[str, Any], status: int, code: str) -> None:
    answer = await offline.ask(library("How many members do we have?") | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_callers_are_checked(offline: Asking) -> None:
    body = library("How many members do we have?")
    assert (await offline.ask(body)).status_code == 200
    for caller in ("webhooks", "logger", "gateway"):
        assert (await offline.ask(body, caller=caller)).status_code == 403


@pytest.mark.parametrize(
    "metadata",
    [
        {"columns": ["station", {"name": "trips", "type": "bigint"}]},
        {"columns": {"station": "object", "trips": "int64"}},
        {"schema": {"fields": [{"name": "station", "type": "STRING"}, {"name": "trips", "type": "INTEGER"}]}},
        {"tables": [{"name": "rides", "columns": [{"column_name": "trips", "data_type": "NUMBER"}, "station"]}]},
        {"tables": {"rides": {"station": "varchar(20)", "trips": "decimal(10, 2)"}}},
        {"tables": {"rides": {"columns": {"station": {"type": "text"}, "trips": {"type": "double precision"}}}}},
    ],
)
async def test_metadata_is_read_in_many_shapes(offline: Asking, metadata: dict[str, Any]) -> None:
    body = {"user_query": "total trips by station", "dataset_name": "rides", "dataset_metadata": metadata}
    answer = await offline.ask(body)
    assert answer.status_code == 200, answer.text
    assert "SUM(rides.trips) AS total_trips" in answer.json()["sql_query"]
    table = "rides.rides" if "tables" in metadata else "rides"
    assert f"FROM {table} AS rides\n" in answer.json()["sql_query"]

"""The measure of questions about data, and what the parser makes of the labelled ones."""

from __future__ import annotations

import pytest

from usher_evals.insights.labelled import NAMES, TODAY, read_labelled
from usher_evals.insights.measuring import measure_insights, same_rows
from usher_inference.insights.service import answer_offline
from usher_logger.warehouse.dataset import load_dataset
from usher_shared.contracts.insights import Insight, InsightRequest
from usher_shared.errors import Unprocessable

LABELS = {
    question.question: question.sql for name in NAMES for question in read_labelled(name, load_dataset()).questions
}


async def parse(request: InsightRequest) -> Insight:
    return answer_offline(request.user_query, request.dataset(), TODAY)


def insight(sql: str) -> Insight:
    return Insight(sql_query=sql, visualization_config={}, explanation="", model_used="", model_version="")


async def test_the_parser_answers_what_it_was_made_for() -> None:
    measured = await measure_insights(parse, load_dataset(), "tune")
    assert measured["missed"] == []
    assert measured["n"] == 59


async def test_the_parser_answers_most_of_what_it_has_not_seen_and_declines_what_nobody_can() -> None:
    measured = await measure_insights(parse, load_dataset(), "test")
    assert measured["n"] == 83
    assert measured["right"] >= 0.87
    assert measured["wrong"] <= 5
    assert measured["declined"] == "14/14"


async def test_the_labels_themselves_are_right_and_a_guess_is_wrong() -> None:
    async def oracle(request: InsightRequest) -> Insight:
        if request.user_query not in LABELS:
            raise Unprocessable("no label")
        return insight(LABELS[request.user_query])

    async def guess(request: InsightRequest) -> Insight:
        table = request.dataset().metadata.tables[0].name
        return insight(f"SELECT COUNT(*) AS n FROM {table} WHERE 1 = 2")  # noqa: S608  a name of ours

    own = load_dataset()
    names = ("city_library",)
    assert (await measure_insights(oracle, own, "test", names))["right"] == 1.0
    measured = await measure_insights(guess, own, "test", names)
    assert (measured["right"], measured["wrong"], measured["declined"]) == (0.0, 20, "0/4")


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ([("a", 1), ("b", 2)], True),
        ([("b", 2.0), ("a", 1.0)], True),
        ([(1, "a"), (2, "b")], True),
        ([("x", "a", 1), ("y", "b", 2)], True),
        ([("a", 2), ("b", 1)], False),
        ([("a", 1)], False),
        ([("a", 1), ("b", 2), ("c", 3)], False),
        ([("a",), ("b",)], False),
    ],
)
def test_answers_are_the_same_when_the_labels_columns_are_in_them(found: list[tuple[object, ...]], same: bool) -> None:
    assert same_rows([("a", 1), ("b", 2)], found) is same

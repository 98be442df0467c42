"""Whatever is asked: a query that runs on the data, or a refusal; never a crash, never a way out of the dataset."""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest

from usher_evals.insights.labelled import NAMES, TODAY, LabelledDataset, read_labelled
from usher_evals.insights.rows import fill
from usher_inference.insights.service import answer_offline
from usher_logger.warehouse.dataset import load_dataset
from usher_shared.errors import UsherError
from usher_shared.sql.checking import check

GLUE = """
how many total average number of by per each which what the most least top 5 last week in 2025 and or not over 10 $20
between 1 highest longest share rate over time daily , "x'; DROP TABLE orders" of distinct cheapest first without 7
2026-02-30 yesterday compare list show with than more out Zoë's 'a b' -- /* */ ; ` \\ % 999999999999999999999 1e400
"""
HOSTILE = [
    'orders for "x\' OR 1=1 --"',
    'orders for "\\\' UNION SELECT 1 --"',
    'orders for "`; DROP TABLE orders; --"',
    'orders for "a\nb"',
    "orders over 1e999",
    "orders in the last 99999999 years",
    "orders since 0000-00-00",
    "orders " * 200,
    "how many " * 300,
    "by " * 500,
    '"' * 400,
    "",
    " ",
    "?",
    "🎟️🎟️🎟️",
    "SELECT * FROM orders",
    "DROP TABLE orders",
    "orders where customer_id = (SELECT password FROM users)",
]


@pytest.fixture(scope="module", params=NAMES)
def labelled(request: pytest.FixtureRequest) -> LabelledDataset:
    return read_labelled(request.param, load_dataset())


@pytest.fixture(scope="module")
def database(labelled: LabelledDataset) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    fill(labelled.dataset, connection, 1)
    yield connection
    connection.close()


def holds(question: str, labelled: LabelledDataset, database: duckdb.DuckDBPyConnection) -> bool:
    """Whether it was answered; then the answer runs and names the chart's fields."""
    try:
        insight = answer_offline(question, labelled.dataset, TODAY)
    except UsherError:
        return False
    query = check(insight.sql_query, labelled.dataset)
    found = database.execute(query.duckdb("main")).description
    assert [column[0] for column in found] == [column.name for column in query.columns]
    assert insight.explanation.endswith(".")
    return True


def test_shuffled_questions(labelled: LabelledDataset, database: duckdb.DuckDBPyConnection) -> None:
    dice = random.Random(11)
    glue = GLUE.split()
    words = [word for each in labelled.questions for word in each.question.split()]
    questions = [
        " ".join(dice.choice(words if dice.random() < 0.7 else glue) for _ in range(dice.randint(1, 12)))
        for _ in range(250)
    ]
    answered = sum(holds(question, labelled, database) for question in questions)
    assert answered > 10  # a parser that refuses everything would be no proof


@pytest.mark.parametrize("question", HOSTILE, ids=[each[:24] for each in HOSTILE])
def test_hostile_questions(question: str, labelled: LabelledDataset, database: duckdb.DuckDBPyConnection) -> None:
    holds(question, labelled, database)


def test_a_text_of_the_question_stays_a_text() -> None:
    dataset = read_labelled("usher", load_dataset()).dataset
    text = "x' OR '1'='1"
    insight = answer_offline(f'orders for "{text}"', dataset, TODAY)
    assert "LOWER(orders.event_name) = 'x\\' or \\'1\\'=\\'1'" in insight.sql_query
    connection = duckdb.connect()
    fill(dataset, connection, 1)
    connection.execute("UPDATE orders SET event_name = ? WHERE order_id = 'order_id_7'", [text])
    rows = connection.execute(check(insight.sql_query, dataset).duckdb("main")).fetchall()
    assert [row[0] for row in rows] == ["order_id_7"]

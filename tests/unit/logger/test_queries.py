"""Queries that others wrote: checked here, whoever sends them, and answered from this warehouse alone."""

from __future__ import annotations

from typing import Any

import duckdb
import httpx2
import pytest

from contracts.warehouse.suite import record
from unit.logger.conftest import NOW
from usher_inference.insights.service import answer_offline
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.app import Deps, create_app
from usher_logger.settings import Settings
from usher_shared.clock import ManualClock
from usher_shared.contracts.insights import Dataset
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

ORDERS = "SELECT order_id, currency, total_minor FROM usher.orders ORDER BY order_id"


async def _ask(client: Any, sql: str) -> Any:
    return await client.post("/queries", json={"sql": sql})


async def test_the_dataset_is_described_with_the_words_that_people_use(client) -> None:
    found = Dataset.model_validate((await client.get("/dataset")).json())
    assert found.name == "usher"
    assert {table.name for table in found.metadata.tables} == {
        "order_changes", "orders", "conversations", "turns", "errors", "feedback",
    }  # fmt: skip
    amount = found.table("order_changes").column("amount_minor")
    assert (amount.currency, "revenue" in amount.synonyms) == ("currency", True)
    for table in found.metadata.tables:
        assert table.column(table.time_column).type == "TIMESTAMP"
        for join in table.joins:
            assert table.column(join.column)
            assert found.table(join.table).column(join.references)


async def test_a_query_answers_with_its_columns_and_rows(client, push, make_event) -> None:
    await push(make_event("ticket_purchased", "E1"), make_event("ticket_purchased", "E2", order_id="ORD_2"))
    answer = (await _ask(client, ORDERS)).json()
    assert answer == {
        "columns": [
            {"name": "order_id", "type": "STRING"},
            {"name": "currency", "type": "STRING"},
            {"name": "total_minor", "type": "INT64"},
        ],
        "rows": [
            {"order_id": "ORD_1", "currency": "USD", "total_minor": 24000},
            {"order_id": "ORD_2", "currency": "USD", "total_minor": 24000},
        ],
        "truncated": False,
    }


async def test_the_answer_to_a_question_is_the_warehouses(client, push, make_event) -> None:
    await push(
        make_event("ticket_purchased", "E1", minutes_ago=60),
        make_event("ticket_refunded", "E2", refunded_minor=4000),
        make_event("ticket_purchased", "E3", order_id="ORD_2", currency="EUR", total_minor=900),
        make_event("ticket_purchased", "E4", order_id="ORD_3", minutes_ago=60 * 24 * 40),
    )
    dataset = Dataset.model_validate((await client.get("/dataset")).json())
    asked = {
        "What is the revenue this month?": [("EUR", 900), ("USD", 20000)],
        "How many refunds were there?": [(1,)],
        "How many orders were placed today?": [(2,)],
    }
    today = NOW.date()
    for question, expected in asked.items():
        answer = (await _ask(client, answer_offline(question, dataset, today).sql_query)).json()
        assert sorted(tuple(row.values()) for row in answer["rows"]) == expected, question


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders",
        "SELECT * FROM event_log",
        "SELECT * FROM events",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM information_schema.tables",
        "SELECT seats FROM orders",
        "ATTACH '/tmp/other.db'",
        "SELECT order_id FROM orders; DROP TABLE events",
        "SELECT o.order_id FROM orders o, turns t, errors e",
    ],
)
async def test_what_may_not_run_is_refused(client, sql: str) -> None:
    answer = await _ask(client, sql)
    assert (answer.status_code, answer.json()["code"]) == (422, "query_refused")


async def test_what_does_not_fit_the_data_is_the_querys_fault(client, push, make_event) -> None:
    await push(make_event("ticket_purchased", "E1"))
    answer = await _ask(client, "SELECT CAST(order_id AS INT64) AS number FROM orders")
    assert (answer.status_code, answer.json()["code"]) == (422, "query_refused")
    assert (await client.get("/ready")).status_code == 200


async def test_no_more_rows_than_bounded_and_it_says_so(tmp_path, make_event) -> None:
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    app = create_app(Settings(query_rows=2), Deps(warehouse, ManualClock(NOW), LocalTokenVerifier("s" * 48)))
    token = await LocalTokenSource("cli", "s" * 48).token("logger")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://l", headers=headers) as client,
    ):
        await record(warehouse, *(make_event("ticket_purchased", f"E{n}", order_id=f"ORD_{n}") for n in range(3)))
        cut = (await _ask(client, ORDERS)).json()
        assert ([row["order_id"] for row in cut["rows"]], cut["truncated"]) == (["ORD_0", "ORD_1"], True)
        whole = (await _ask(client, f"{ORDERS} LIMIT 1")).json()
        assert (len(whole["rows"]), whole["truncated"]) == (1, False)


@pytest.mark.parametrize("caller", ["agent", "gateway"])
async def test_only_operators_ask(client, caller: str) -> None:
    token = await LocalTokenSource(caller, "s" * 48).token("logger")
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.post("/queries", json={"sql": ORDERS}, headers=headers)).status_code == 403
    assert (await client.get("/dataset", headers=headers)).status_code == 403


async def test_columns_that_the_dataset_does_not_show_stay_hidden(client, push, make_event) -> None:
    await push(make_event("ticket_purchased", "E1"))
    dataset = Dataset.model_validate((await client.get("/dataset")).json())
    shown = [column.name for column in dataset.table("order_changes").columns]
    answer = (await _ask(client, "SELECT * FROM order_changes")).json()
    assert [column["name"] for column in answer["columns"]] == shown == list(answer["rows"][0])
    assert "seats" not in shown
    assert (await _ask(client, "SELECT 1 AS seats FROM order_changes WHERE seats = 1")).status_code == 422


def test_the_warehouse_itself_reads_no_other_file(tmp_path) -> None:
    """Behind the check: DuckDB is opened without access to anything else."""
    control = duckdb.connect(str(tmp_path / "control.duckdb"))
    assert control.execute("SELECT COUNT(*) FROM read_text('/etc/hostname')").fetchone() == (1,)
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    with pytest.raises(duckdb.PermissionException):
        warehouse._reader.execute("SELECT COUNT(*) FROM read_text('/etc/hostname')")

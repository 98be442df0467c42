"""`usher ask`: the real logger and inference apps, a question, a table."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from served import Served, free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps as InferenceDeps
from usher_inference.app import create_app as create_inference
from usher_inference.settings import Settings as InferenceSettings
from usher_local.cli import app
from usher_local.stack import create_stack
from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.app import Deps, create_app
from usher_logger.settings import Settings
from usher_logger.warehouse.model import EventRow
from usher_shared.clock import ManualClock
from usher_shared.errors import UsherError
from usher_shared.ids import UlidGenerator

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def sale(number: int, currency: str, minor: int, event: str) -> EventRow:
    data = {
        "order_id": f"ORD_{number}", "customer_id": "CUS_1", "event_id": "EVT_1", "event_name": event,
        "starts_at": "2026-12-01T20:00:00Z", "currency": currency, "total_minor": minor, "seats": [{"id": "A"}],
    }  # fmt: skip
    return EventRow(f"E{number}", "usher.ticket_purchased.v1", "usher/tests", NOW, None, json.dumps(data), NOW)


@pytest.fixture
async def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setenv("USHER_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    stack = create_stack(tmp_path, {})
    ports = {"logger": free_port(), "inference": free_port()}
    (tmp_path / "stack.json").write_text(json.dumps({"ports": ports}))
    clock = ManualClock(NOW)
    warehouse = DuckDbWarehouse(tmp_path / "warehouse.duckdb")
    await warehouse.append([sale(1, "USD", 12_050, "Hadestown"), sale(2, "JPY", 9_000, "[bold]Kabuki\x1b[2J")])
    models = InferenceDeps(FixedModels((), NOW), stack.verifier(), clock, UlidGenerator())
    served = [
        Served(lambda: create_app(Settings(), Deps(warehouse, clock, stack.verifier())), ports["logger"]),
        Served(lambda: create_inference(InferenceSettings(), models), ports["inference"]),
    ]
    for each in served:
        await each.start()
    yield
    for each in served:
        await each.stop()


async def usher(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["ask", *arguments])


async def test_a_question_becomes_a_table_in_major_units(asking: None) -> None:
    result = await usher("Revenue by event this month")
    assert result.exit_code == 0, result.output
    assert "SUM(order_changes.amount_minor)" in result.output
    rows = [line for line in result.output.splitlines() if "│" in line]
    assert [row.split("│")[1:4] for row in (line.replace(" ", "") for line in rows)] == [
        ["Hadestown", "USD", "120.50"],
        ["[bold]Kabuki[2J", "JPY", "9,000"],
    ]
    assert "\x1b" not in result.output
    assert "2 rows, answered by usher-insights." in result.output


async def test_a_chart_is_written_with_its_data_and_json_is_whole(asking: None, tmp_path: Path) -> None:
    chart = tmp_path / "chart.vl.json"
    result = await usher("How many orders per currency?", "--json", "--chart", str(chart))
    found = json.loads(result.output)
    assert found["insight"]["model_used"] == "usher-insights"
    spec = json.loads(chart.read_text())
    assert spec["data"]["values"] == found["answer"]["rows"]
    assert sorted(row["currency"] for row in spec["data"]["values"]) == ["JPY", "USD"]


async def test_what_is_not_understood_is_said(asking: None) -> None:
    result = await usher("What is love?")
    assert isinstance(result.exception, UsherError)
    assert '"love"' in result.exception.detail

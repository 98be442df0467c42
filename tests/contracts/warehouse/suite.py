"""What every Warehouse does. An adapter's test subclasses `WarehouseSuite` with the fixture `warehouse`, empty."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from usher_inference.insights.service import answer_offline
from usher_logger.events.service import EventSink
from usher_logger.warehouse.dataset import load_dataset
from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import Parameter, RowsRejected, Warehouse
from usher_logger.warehouse.schema import load_schema
from usher_shared.clock import ManualClock
from usher_shared.errors import UsherError
from usher_shared.events import Event
from usher_shared.sql.checking import check
from usher_shared.sql.errors import QueryRefused

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
ALL: dict[str, Parameter] = {"limit": 5000, "order_id": None, "conversation_id": None}
EVER: dict[str, Parameter] = {"since": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}
STATEMENTS: dict[str, Mapping[str, Parameter]] = {
    **dict.fromkeys(("rows_conversations", "rows_errors", "rows_events", "rows_orders", "rows_turns"), ALL),
    **dict.fromkeys(("stats_conversations", "stats_events", "stats_feedback", "stats_models", "stats_revenue"), EVER),
    "ping": {},
}
PYTHON_TYPES = {"STRING": str, "TIMESTAMP": datetime, "INT64": int, "FLOAT64": float, "BOOL": bool}


def row(id: str, data: str = "{}", *, minutes_ago: float = 0, **change: Any) -> EventRow:
    values = {
        "id": id,
        "type": "usher.error_occurred.v1",
        "source": "usher/tests",
        "time": NOW - timedelta(minutes=minutes_ago),
        "subject": None,
        "data": data,
        "received_at": NOW,
    }
    return EventRow(**(values | change))


def recorded_examples() -> list[Event]:
    """Every version of every event that was ever recorded."""
    return [
        Event.from_json(example.read_bytes())
        for folder in sorted(files("usher_shared.events").joinpath("examples").iterdir(), key=lambda f: f.name)
        if folder.is_dir()
        for example in sorted(folder.iterdir(), key=lambda f: f.name)
        if example.name.endswith(".json")
    ]


async def record(warehouse: Warehouse, *events: Event) -> None:
    """Store them the way the service does."""
    sink = EventSink(warehouse, ManualClock(NOW), linger_seconds=0.0, batch_size=500)
    await asyncio.gather(*map(sink.record, events))


class WarehouseSuite:
    __test__ = False

    async def ids(self, warehouse: Warehouse) -> list[str]:
        return [str(found["id"]) for found in await warehouse.select("rows_events", ALL)]

    async def test_a_row_comes_back_as_it_was(self, warehouse: Warehouse) -> None:
        data = {"order_id": "ORD_1", "n": 1, "x": 1.5, "yes": True, "none": None, "list": [1, {"a": "b"}], "text": "ü🎟️"}
        stored = row("E1", json.dumps(data), subject="ORD_1", received_at=NOW + timedelta(microseconds=1))
        await warehouse.append([stored])
        (found,) = await warehouse.select("rows_events", ALL)
        assert found == {
            "id": "E1",
            "type": stored.type,
            "source": stored.source,
            "time": stored.time,
            "subject": "ORD_1",
            "data": data,
            "received_at": stored.received_at,
        }
        assert found["time"].utcoffset() == timedelta(0)

    async def test_no_subject_is_null(self, warehouse: Warehouse) -> None:
        await warehouse.append([row("E1"), row("E2", subject="")])
        found = await warehouse.select("rows_events", ALL)
        assert {each["id"]: each["subject"] for each in found} == {"E1": None, "E2": ""}

    async def test_an_id_is_one_row_the_first(self, warehouse: Warehouse) -> None:
        first = row("E1", '{"n": 1}')
        await warehouse.append([first, row("E2")])
        for minute in (1, 2):
            await warehouse.append([row("E1", '{"n": 1}', received_at=NOW + timedelta(minutes=minute)), row("E3")])
        found = await warehouse.select("rows_events", ALL)
        assert sorted(each["id"] for each in found) == ["E1", "E2", "E3"]
        assert next(each["received_at"] for each in found if each["id"] == "E1") == NOW
        counted = await warehouse.select("stats_events", EVER)
        assert sum(each["events"] for each in counted) == 3

    async def test_an_id_twice_in_one_append_is_one_row(self, warehouse: Warehouse) -> None:
        await warehouse.append([row("E1"), row("E1"), row("E2")])
        assert sorted(await self.ids(warehouse)) == ["E1", "E2"]

    async def test_nothing_to_append_is_no_error(self, warehouse: Warehouse) -> None:
        await warehouse.append([])
        assert await self.ids(warehouse) == []

    async def test_a_large_append_is_there_at_once_and_whole(self, warehouse: Warehouse) -> None:
        text = json.dumps({"detail": "x" * 2000})
        await warehouse.append([row(f"E{n:04}", text) for n in range(3000)])
        assert await self.ids(warehouse) == [f"E{n:04}" for n in range(3000)]

    async def test_appends_at_once_are_all_there(self, warehouse: Warehouse) -> None:
        await asyncio.gather(*(warehouse.append([row(f"E{n:02}"), row("SAME")]) for n in range(20)))
        assert await self.ids(warehouse) == [*(f"E{n:02}" for n in range(20)), "SAME"]

    @pytest.mark.parametrize("data", ["{not json", "", "{} {}"])
    async def test_rows_that_can_never_be_stored_are_rejected_whole(self, warehouse: Warehouse, data: str) -> None:
        with pytest.raises(RowsRejected):
            await warehouse.append([row("E1"), row("E2", data)])
        assert await self.ids(warehouse) == []
        await warehouse.append([row("E1"), row("E3")])
        assert sorted(await self.ids(warehouse)) == ["E1", "E3"]

    @pytest.mark.parametrize("text", ["\x00", "'; DROP TABLE events; --", "🎟️ ünïcode", "@limit", "a" * 100_000])
    async def test_odd_text_is_kept_and_found(self, warehouse: Warehouse, text: str) -> None:
        await warehouse.append([row("E1", json.dumps({"order_id": text, "detail": text})), row("E2")])
        (found,) = await warehouse.select("rows_events", ALL | {"order_id": text})
        assert found["data"] == {"order_id": text, "detail": text}

    async def test_newest_first_filtered_and_limited(self, warehouse: Warehouse) -> None:
        ages = {"E1": 3, "E2": 1, "E3": 2}
        await warehouse.append([row(id, f'{{"order_id": "O{id}"}}', minutes_ago=age) for id, age in ages.items()])
        assert await self.ids(warehouse) == ["E2", "E3", "E1"]
        assert [found["id"] for found in await warehouse.select("rows_events", ALL | {"limit": 2})] == ["E2", "E3"]
        assert [f["id"] for f in await warehouse.select("rows_events", ALL | {"order_id": "OE3"})] == ["E3"]
        assert await warehouse.select("rows_events", ALL | {"order_id": "' OR TRUE --"}) == []

    async def test_a_period_has_its_start_and_not_its_end(self, warehouse: Warehouse) -> None:
        day = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
        end, tick = day + timedelta(days=1), timedelta(microseconds=1)
        await warehouse.append([row(f"E{n}", time=time) for n, time in enumerate([day - tick, day, end - tick, end])])
        (found,) = await warehouse.select("stats_events", {"since": day, "until": end})
        assert found == {"day": day.date(), "type": "usher.error_occurred.v1", "events": 2}

    async def test_times_far_away_are_kept(self, warehouse: Warehouse) -> None:
        await warehouse.append([row(f"E{year}", time=datetime(year, 1, 1, tzinfo=UTC)) for year in (1, 1969, 9999)])
        found = await warehouse.select("rows_events", ALL)
        assert [each["time"].year for each in found] == [9999, 1969, 1]

    async def test_every_statement_answers_on_an_empty_warehouse(self, warehouse: Warehouse) -> None:
        for statement, parameters in STATEMENTS.items():
            found = await warehouse.select(statement, parameters)
            assert len(found) == (1 if statement in {"ping", "stats_feedback"} else 0), statement

    async def test_recorded_examples_fill_every_view_with_its_declared_types(self, warehouse: Warehouse) -> None:
        await record(warehouse, *recorded_examples())
        for view in load_schema().views:
            statement = f"rows_{view.name}"
            if statement not in STATEMENTS:
                continue
            found = await warehouse.select(statement, ALL)
            assert found, view.name
            for each in found:
                assert list(each) == [column.name for column in view.columns]
                for column in view.columns:
                    value = each[column.name]
                    if value is not None and column.type != "JSON":
                        assert type(value) is PYTHON_TYPES[column.type], (view.name, column.name, value)

    async def test_an_unknown_statement_is_a_bug_of_ours(self, warehouse: Warehouse) -> None:
        with pytest.raises(FileNotFoundError):
            await warehouse.select("nothing", {})

    async def test_it_answers_a_ping(self, warehouse: Warehouse) -> None:
        await warehouse.ping()

    async def test_an_impossible_value_is_an_error_of_the_house(self, warehouse: Warehouse) -> None:
        with pytest.raises(UsherError):
            await warehouse.select("rows_events", ALL | {"limit": -1})
        assert await self.ids(warehouse) == []

    async def test_a_question_is_answered_from_the_views(self, warehouse: Warehouse) -> None:
        await record(warehouse, *recorded_examples())
        dataset = load_dataset()
        for question in (
            "How many orders are there per status?",
            "Revenue by event per month",
            "Average duration of turns by specialist",
            "Success rate of conversations per week",
            "The 3 largest orders",
            "Conversations per day of the week",
        ):
            query = check(answer_offline(question, dataset, NOW.date()).sql_query, dataset)
            rows = await warehouse.query(query)
            assert rows, question
            assert list(rows[0]) == [column.name for column in query.columns]

    async def test_a_query_that_does_not_fit_the_data_is_refused(self, warehouse: Warehouse) -> None:
        await record(warehouse, *recorded_examples())
        query = check("SELECT CAST(order_id AS INT64) AS number FROM usher.orders", load_dataset())
        with pytest.raises(QueryRefused):
            await warehouse.query(query)

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.events.service import EventSink
from usher_logger.warehouse.model import EventRow
from usher_logger.warehouse.ports import Parameter, RowsRejected
from usher_shared.clock import ManualClock
from usher_shared.errors import Unavailable, UpstreamTimeout
from usher_shared.events import InvalidEvent

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALL = {"limit": 5000, "order_id": None, "conversation_id": None}


class WatchedWarehouse:
    """A DuckDB warehouse that counts its transactions, refuses one id, and can be down."""

    def __init__(self, path: Path) -> None:
        self._inner = DuckDbWarehouse(path)
        self.batches: list[int] = []
        self.refused: str | None = None
        self.down = False

    async def append(self, rows: Sequence[EventRow]) -> None:
        if self.down:
            raise Unavailable("down")
        self.batches.append(len(rows))
        if self.refused in [row.id for row in rows]:
            raise RowsRejected("refused")
        await self._inner.append(rows)

    async def select(self, statement: str, parameters: Mapping[str, Parameter]) -> list[dict[str, Any]]:
        return await self._inner.select(statement, parameters)

    async def ping(self) -> None:
        await self._inner.ping()

    async def close(self) -> None:
        await self._inner.close()


@pytest.fixture
async def warehouse(tmp_path):
    made = WatchedWarehouse(tmp_path / "w.duckdb")
    yield made
    await made.close()


def sink(warehouse: WatchedWarehouse, *, batch_size: int = 500) -> EventSink:
    return EventSink(warehouse, ManualClock(NOW), linger_seconds=0.001, batch_size=batch_size)


async def test_events_that_come_together_share_transactions(warehouse, make_event) -> None:
    events = [make_event("error_occurred", f"E{n}") for n in range(250)]
    one = sink(warehouse, batch_size=100)
    await asyncio.gather(*[one.record(event) for event in [*events, *events[:50]]])
    assert warehouse.batches == [100, 100, 100]
    assert len(await warehouse.select("rows_events", ALL)) == 250
    await one.record(events[0])
    await one.stop()
    assert len(await warehouse.select("rows_events", ALL)) == 250


async def test_a_row_that_the_warehouse_refuses_fails_alone(warehouse, make_event) -> None:
    warehouse.refused = "E3"
    one = sink(warehouse)
    results = await asyncio.gather(
        *[one.record(make_event("error_occurred", f"E{n}")) for n in range(6)], return_exceptions=True
    )
    assert [type(r) for r in results] == [type(None)] * 3 + [InvalidEvent] + [type(None)] * 2
    assert {row["id"] for row in await warehouse.select("rows_events", ALL)} == {"E0", "E1", "E2", "E4", "E5"}


async def test_while_the_warehouse_is_down_nothing_is_acknowledged(warehouse, make_event) -> None:
    one = sink(warehouse)
    warehouse.down = True
    with pytest.raises(Unavailable):
        await one.record(make_event("error_occurred", "E1"))
    warehouse.down = False
    await one.record(make_event("error_occurred", "E1"))
    assert len(await warehouse.select("rows_events", ALL)) == 1


async def test_a_query_that_takes_too_long_is_given_up(tmp_path) -> None:
    slow = DuckDbWarehouse(tmp_path / "w.duckdb", query_seconds=0.0)
    with pytest.raises(UpstreamTimeout):
        await slow.ping()
    await slow.close()


def test_a_file_opens_again(tmp_path) -> None:
    for _ in range(2):
        DuckDbWarehouse(tmp_path / "w.duckdb")._writer.close()

"""Made-up rows of a dataset, the same for the same seed: skewed, with repeated names, spread over time."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from usher_evals.insights.labelled import TODAY
from usher_shared.contracts.insights import Dataset, DatasetColumn, DatasetTable

if TYPE_CHECKING:
    import duckdb

_TYPES = {
    "STRING": "VARCHAR",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(18, 2)",
    "BOOL": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMPTZ",
    "DATETIME": "TIMESTAMP",
    "DATE": "DATE",
}
_LISTED = re.compile(r"(?:^|[:.] )((?:[\w-]+, )*[\w-]+ or [\w-]+)\.?(?:$| )")
_NAMES = {"start_station": "Dock", "end_station": "Dock", "event_name": "Show"}
# numbers that mean something: the lowest and the highest
_RANGES = {
    "published_year": (1950, 2024),
    "pages": (12, 900),
    "rider_age": (16, 80),
    "rating": (1, 5),
    "total_minor": (0, 100_000),
    "amount_minor": (-20_000, 100_000),
    "revenue_minor": (0, 100_000),
    "cost_nanos": (0, 10_000_000),
}
_MEANS = {"duration_ms": 4000.0}
_NOON = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)


def fill(dataset: Dataset, connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Make the tables in `main`, those referred to first. Every column has rows of each value that is listed."""
    maker = _Maker(dataset, random.Random(seed))
    connection.execute("SET TimeZone = 'UTC'")
    for table in maker.in_order():
        columns = ", ".join(f'"{column.name}" {_TYPES.get(column.type, "VARCHAR")}' for column in table.columns)
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
        listed = ", ".join(f"unnest(?::{_TYPES.get(column.type, 'VARCHAR')}[])" for column in table.columns)
        connection.execute(f"INSERT INTO {table.name} SELECT {listed}", maker.columns(table))


class _Maker:
    def __init__(self, dataset: Dataset, dice: random.Random) -> None:
        self._dataset = dataset
        self._dice = dice
        self._made: dict[tuple[str, str], list[object]] = {}
        self._referred = {(join.table, join.references) for table in dataset.metadata.tables for join in table.joins}

    def in_order(self) -> Iterable[DatasetTable]:
        waiting = list(self._dataset.metadata.tables)
        done: set[str] = set()
        while waiting:
            ready = next(table for table in waiting if all(join.table in done for join in table.joins))
            yield ready
            done.add(ready.name)
            waiting.remove(ready)

    def columns(self, table: DatasetTable) -> list[list[object]]:
        """The values of each column: 1,500 rows, or 150 of what others refer to."""
        count = 150 if any(name == table.name for name, _ in self._referred) else 1500
        return [self._column(table, column, count) for column in table.columns]

    def _column(self, table: DatasetTable, column: DatasetColumn, count: int) -> list[object]:
        join = next((each for each in table.joins if each.column == column.name), None)
        own_keys = {"id", f"{table.name.removesuffix('s')}_id", f"{table.row}_id", "trip_id"}
        if join is not None:
            source = self._made[join.table, join.references]
            made = [source[min(int(self._dice.expovariate(4) * len(source)), len(source) - 1)] for _ in range(count)]
        elif (table.name, column.name) in self._referred or column.name in own_keys:
            made = [number if column.type == "INT64" else f"{column.name}_{number}" for number in range(1, count + 1)]
        else:
            made = [self._value(column) for _ in range(count)]
        self._made[table.name, column.name] = made
        return made

    def _value(self, column: DatasetColumn) -> object:
        dice = self._dice
        values = list(column.values) or sorted({value for _, value in column.value_synonyms})
        if not values and column.type == "STRING" and (listed := _LISTED.search(column.description)):
            values = re.split(r", | or ", listed[1])
        if values:
            return dice.choice(values) if dice.random() < 0.8 else values[0]
        if column.name == "returned_at" and dice.random() < 0.2:
            return None
        match column.type:
            case "STRING":
                number = int(dice.expovariate(0.3)) % 15 + 1
                name = _NAMES.get(column.name, column.name)
                return "The Winter Tour" if (name, number) == ("Show", 3) else f"{name} {number}"
            case "INT64":
                return dice.randint(*_RANGES.get(column.name, (0, 9)))
            case "FLOAT64" | "NUMERIC":
                return round(dice.expovariate(1 / _MEANS.get(column.name, 30.0)), 2)
            case "BOOL":
                return dice.random() < 0.7
            case "TIMESTAMP" | "DATETIME":
                return _NOON - timedelta(minutes=int(dice.expovariate(1 / 200_000)))
            case "DATE":
                return TODAY - timedelta(days=int(dice.expovariate(1 / 300)))
        return None

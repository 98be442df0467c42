"""A question bound to tables: what is selected, of which rows, grouped and ordered how."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.model import Bucket, Condition, Function, Operator, Ranking
from usher_inference.insights.parsing.times import Span
from usher_inference.insights.parsing.words import split_name
from usher_shared.contracts.insights import Dataset, DatasetColumn, DatasetJoin, DatasetTable


@dataclass(frozen=True, slots=True)
class Place:
    """A column of a table."""

    table: DatasetTable
    column: DatasetColumn


@dataclass(frozen=True, slots=True)
class BoundCondition:
    place: Place
    operator: Operator
    operands: tuple[str | float | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class BoundMeasure:
    """`place` None counts rows; a share is of the rows that fulfil `of`."""

    function: Function
    place: Place | None
    of: BoundCondition | None = None


@dataclass(slots=True)
class Plan:
    """A question about one table with others joined to it, each row at most once."""

    dataset: Dataset
    base: DatasetTable
    joins: list[tuple[DatasetTable, DatasetJoin]] = field(default_factory=list)
    dimensions: list[Place] = field(default_factory=list)
    buckets: list[tuple[Bucket, Place]] = field(default_factory=list)
    measures: list[BoundMeasure] = field(default_factory=list)
    conditions: list[BoundCondition] = field(default_factory=list)
    spans: list[tuple[Place, Span]] = field(default_factory=list)
    having: tuple[Operator, tuple[float, ...]] | None = None
    ranking: Ranking | None = None
    rank_place: Place | None = None
    listed: list[Place] = field(default_factory=list)
    score: float = 0.0


def is_amount(place: Place) -> bool:
    """Whether it is in minor units of a currency that another column names."""
    return place.column.currency is not None


def scaled(number: float, place: Place, condition: Condition) -> float:
    """A number of the question in the column's unit: 5 seconds are 5000 of duration_ms, $100 are 10000 minor units."""
    last = split_name(place.column.name)[-1]
    seconds = {
        "ms": 0.001,
        "millis": 0.001,
        "seconds": 1.0,
        "secs": 1.0,
        "minutes": 60.0,
        "mins": 60.0,
        "hours": 3600.0,
    }.get(last)
    unit = condition.unit
    if seconds is not None and unit is not None and unit not in phrases.CURRENCY_UNITS:
        return number * phrases.UNITS[unit] / seconds
    money = condition.currency is not None or unit in phrases.CURRENCY_UNITS
    if place.column.currency is not None and (money or condition.mention.text in phrases.PRICES):
        return number * 100
    if last == "nanos" and money:
        return number * 1e9
    return number


def find_paths(dataset: Dataset, base: DatasetTable) -> dict[str, list[tuple[DatasetTable, DatasetJoin]]]:
    """The tables that have one row for each of the base's, with the joins that lead there."""
    found: dict[str, list[tuple[DatasetTable, DatasetJoin]]] = {base.name: []}
    waiting = deque([base])
    while waiting:
        table = waiting.popleft()
        for join in table.joins:
            other = dataset.table(join.table)
            usable = other is not None and table.column(join.column) and other.column(join.references)
            if other is not None and usable and other.name not in found:
                found[other.name] = [*found[table.name], (table, join)]
                waiting.append(other)
    return found

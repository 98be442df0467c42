"""A plan as BigQuery SQL. What comes out is checked like anybody's: this is no place to trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from usher_inference.insights.parsing.lexicon import key_column, label_column
from usher_inference.insights.parsing.model import Bucket
from usher_inference.insights.parsing.plan import BoundCondition, BoundMeasure, Place, Plan
from usher_inference.insights.parsing.times import Span
from usher_inference.insights.parsing.words import listed

ROWS = 1000
# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
_RESERVED = frozenset(
    listed(
        """all and any array as asc assert_rows_modified at between by case cast collate contains create cross
        cube current default define desc distinct else end enum escape except exclude exists extract false
        fetch following for from full group grouping groups hash having if ignore in inner intersect interval
        into is join lateral left like limit lookup merge natural new no not null nulls of on or order outer
        over partition preceding proto qualify range recursive respect right rollup rows select set some
        struct tablesample then to treat true unbounded union unnest using when where window with within"""
    )
)


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the answer; `role` says what a chart may do with it."""

    name: str
    role: Literal["time", "category", "measure", "detail"]
    bucket: Bucket | None = None
    measure: BoundMeasure | None = None


@dataclass(frozen=True, slots=True)
class Written:
    sql: str
    outputs: tuple[Output, ...]


def write(plan: Plan) -> Written:
    writer = _Writer(plan)
    return writer.rows() if not plan.measures else writer.groups()


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._joined = bool(plan.joins)
        self._names: set[str] = set()

    def groups(self) -> Written:
        plan = self._plan
        outputs, selected, keys = [], [], []
        for bucket, place in plan.buckets:
            name = self._name(bucket.replace(" ", "_"))
            outputs.append(Output(name, "category" if bucket in ("weekday", "hour of day") else "time", bucket))
            selected.append(f"{self._bucket(bucket, place)} AS {_quoted(name)}")
            keys.append(name)
        for place in plan.dimensions:
            name = self._name(place.column.name)
            outputs.append(Output(name, "category"))
            written = self._column(place)
            selected.append(written if written == name else f"{written} AS {_quoted(name)}")
            keys.append(name)
        for measure in plan.measures:
            name = self._name(measure_name(measure, plan))
            outputs.append(Output(name, "measure", None, measure))
            selected.append(f"{self._aggregate(measure)} AS {_quoted(name)}")
        medians = [each for each in plan.measures if each.function == "median"]
        distinct = "DISTINCT " if medians else ""
        lines = [f"SELECT {distinct}{', '.join(selected)}", *self._body()]
        if keys and not medians:
            lines.append(f"GROUP BY {', '.join(str(position + 1) for position in range(len(keys)))}")
        if plan.having is not None:
            operator, values = plan.having
            counted = "COUNT(*)"
            compared = (
                f"BETWEEN {_number(values[0])} AND {_number(values[1])}"
                if operator == "between"
                else f"{operator} {_number(values[0])}"
            )
            lines.append(f"HAVING {counted} {compared}")
        order = self._order(keys, outputs)
        if order:
            lines.append(f"ORDER BY {order}")
        limit = plan.ranking.limit if plan.ranking is not None and (plan.dimensions or plan.buckets) else None
        lines.append(f"LIMIT {limit or ROWS}")
        return Written("\n".join(lines), tuple(outputs))

    def rows(self) -> Written:
        """Rows as they are: named columns, or what is ranked by with whom it belongs to, or all that are no JSON."""
        plan = self._plan
        places = list(plan.listed)
        if plan.rank_place is not None and plan.ranking is not None and plan.ranking.by is not None and not places:
            table = plan.base
            newest = plan.rank_place.column.type in ("TIMESTAMP", "DATE", "DATETIME")
            names = (
                [each.name for each in table.columns if each.type not in ("JSON", "BYTES")]
                if newest
                else [key_column(table), label_column(table)]
            )
            places = [Place(table, column) for name in dict.fromkeys(names) if (column := table.column(name))]
            money = plan.rank_place.table.column(plan.rank_place.column.currency or "")
            places += [
                each
                for each in ([Place(plan.rank_place.table, money)] if money else []) + [plan.rank_place]
                if each not in places
            ]
        if not places:
            places = [Place(plan.base, each) for each in plan.base.columns if each.type not in ("JSON", "BYTES")]
        outputs, selected = [], []
        for place in places:
            name = self._name(place.column.name)
            outputs.append(
                Output(
                    name,
                    "measure"
                    if place == plan.rank_place and place.column.type in ("INT64", "FLOAT64", "NUMERIC")
                    else "detail",
                )
            )
            written = self._column(place)
            selected.append(written if written == name else f"{written} AS {_quoted(name)}")
        lines = [f"SELECT {', '.join(selected)}", *self._body()]
        if plan.rank_place is not None and plan.ranking is not None:
            lines.append(f"ORDER BY {self._column(plan.rank_place)} {'DESC' if plan.ranking.descending else 'ASC'}")
        elif plan.spans:
            lines.append(f"ORDER BY {self._column(plan.spans[0][0])} DESC")
        limit = plan.ranking.limit if plan.ranking is not None and plan.ranking.limit else ROWS
        lines.append(f"LIMIT {limit}")
        return Written("\n".join(lines), tuple(outputs))

    def _body(self) -> list[str]:
        plan = self._plan
        lines = [f"FROM {self._table(plan.base.name)}"]
        for table, join in plan.joins:
            condition = (
                f"{_quoted(table.name)}.{_quoted(join.column)} = {_quoted(join.table)}.{_quoted(join.references)}"
            )
            lines.append(f"LEFT JOIN {self._table(join.table)} ON {condition}")
        conditions = [self._condition(each) for each in plan.conditions]
        for place, span in plan.spans:
            conditions += self._span(place, span)
        if plan.rank_place is not None:
            conditions.append(f"{self._column(plan.rank_place)} IS NOT NULL")
        if conditions:
            lines.append(f"WHERE {' AND '.join(conditions)}")
        return lines

    def _order(self, keys: list[str], outputs: list[Output]) -> str:
        plan = self._plan
        first = next(each.name for each in outputs if each.role == "measure")
        if plan.ranking is not None:
            return f"{_quoted(first)} {'DESC' if plan.ranking.descending else 'ASC'}"
        if plan.buckets:
            return ", ".join(map(_quoted, keys))
        return f"{_quoted(first)} DESC" if keys else ""

    def _name(self, wanted: str) -> str:
        name, number = wanted, 2
        while name.lower() in self._names:
            name, number = f"{wanted}_{number}", number + 1
        self._names.add(name.lower())
        return name

    def _table(self, name: str) -> str:
        parts = [*(self._plan.dataset.name.split(".") if self._plan.dataset.name else []), name]
        return ".".join(
            part if part.replace("_", "a").isalnum() and part.lower() not in _RESERVED else f"`{part}`"
            for part in parts
        )

    def _column(self, place: Place) -> str:
        name = _quoted(place.column.name)
        return f"{_quoted(place.table.name)}.{name}" if self._joined else name

    def _bucket(self, bucket: Bucket, place: Place) -> str:
        column = self._column(place)
        day = column if place.column.type == "DATE" else f"DATE({column})"
        match bucket:
            case "hour":
                return f"{'TIMESTAMP' if place.column.type == 'TIMESTAMP' else 'DATETIME'}_TRUNC({column}, HOUR)"
            case "hour of day":
                return f"EXTRACT(HOUR FROM {column})"
            case "weekday":
                return f"FORMAT_DATE('%A', {day})"
            case "day":
                return day
        return f"DATE_TRUNC({day}, {'WEEK(MONDAY)' if bucket == 'week' else bucket.upper()})"

    def _aggregate(self, measure: BoundMeasure) -> str:
        if measure.function == "share" and measure.of is not None:
            return f"ROUND(100 * COUNTIF({self._condition(measure.of)}) / COUNT(*), 2)"
        if measure.place is None:
            return "COUNT(*)"
        column = self._column(measure.place)
        match measure.function:
            case "count_distinct":
                return f"COUNT(DISTINCT {column})"
            case "median":
                keys = [self._bucket(*each) for each in self._plan.buckets] + [
                    self._column(each) for each in self._plan.dimensions
                ]
                return f"PERCENTILE_CONT({column}, 0.5) OVER ({'PARTITION BY ' + ', '.join(keys) if keys else ''})"
        return f"{measure.function.upper()}({column})"

    def _condition(self, condition: BoundCondition) -> str:
        column = self._column(condition.place)
        match condition.operator:
            case "is null":
                return f"{column} IS NULL"
            case "is not null":
                return f"{column} IS NOT NULL"
            case "between":
                return f"{column} BETWEEN {_literal(condition.operands[0])} AND {_literal(condition.operands[1])}"
            case "in" | "not in":
                listed = ", ".join(map(_literal, condition.operands))
                return f"{column} {condition.operator.upper()} ({listed})"
        (operand,) = condition.operands[:1]
        if isinstance(operand, bool):
            return column if (condition.operator == "=") == operand else f"NOT {column}"
        if (
            isinstance(operand, str)
            and operand not in condition.place.column.values
            and not condition.place.column.values
        ):
            return f"LOWER({column}) {condition.operator} {_literal(operand.lower())}"
        return f"{column} {condition.operator} {_literal(operand)}"

    def _span(self, place: Place, span: Span) -> list[str]:
        column, kind = self._column(place), place.column.type
        found = []
        for operator, day in ((">=", span.first), ("<", span.end)):
            if day is not None:
                text = (
                    day.isoformat()
                    if kind == "DATE"
                    else f"{day.isoformat()} 00:00:00" + ("+00:00" if kind == "TIMESTAMP" else "")
                )
                found.append(f"{column} {operator} {kind} '{text}'")
        return found


def measure_name(measure: BoundMeasure, plan: Plan) -> str:
    """The answer's column of a measure."""
    if measure.function == "share":
        assert measure.of is not None  # noqa: S101  a share is of something
        first = measure.of.operands[0]
        what = measure.of.place.column.name if isinstance(first, bool) else max(str(first).split("."), key=len)
        cleaned = "".join(letter if letter.isalnum() else "_" for letter in what.lower()).strip("_")
        return f"percent_{cleaned}"
    if measure.place is None:
        return f"{plan.base.name.rpartition('_')[2] or plan.base.name}_count".replace("__", "_")
    prefix = {"count_distinct": "different", "avg": "average", "sum": "total", "min": "lowest", "max": "highest"}
    name = measure.place.column.name
    first = prefix.get(measure.function, measure.function)
    return name if name.startswith(f"{first}_") else f"{first}_{name}"


def _quoted(name: str) -> str:
    return f"`{name}`" if name.lower() in _RESERVED else name


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _literal(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
        return f"'{escaped}'"
    return _number(float(value))

"""One read-only SELECT on one dataset, or a refusal that says why.

A query is parsed in BigQuery's dialect and what is run is written from the parsed tree, never the text that came: a
comment, a quirk of one lexer or a second statement has no way through. Every node has to be of `vocabulary`; every
table has to be the dataset's or a WITH's, every column one of theirs. What was checked is what runs: stars are written
out and every column stands with its table.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from usher_shared.contracts.insights import Dataset, DatasetTable
from usher_shared.sql import vocabulary
from usher_shared.sql.errors import QueryRefused
from usher_shared.sql.growth import check_joins, check_texts, conjuncts
from usher_shared.sql.naming import check_names, check_stars, name_outputs, settle_names
from usher_shared.sql.parsing import parse_statements

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # its warnings quote the query

_PLAIN = re.compile(r"^[A-Za-z_]\w*$")
_DEEPEST = 32  # brackets within brackets
_DEEPEST_NODE = 120  # nodes within nodes: what writes SQL calls itself a few times for each
_MOST_NODES = 3000  # of the tree, and of what its aliases stand for
_MOST_GLUED = 20  # || and the commas of CONCAT


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a query may cost: rows that come back, joins, tables read (each mention counts), characters."""

    rows: int = 1000
    joins: int = 3
    tables: int = 5
    characters: int = 20_000


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of the answer; `type` is BigQuery's name."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CheckedQuery:
    """A query that passed: only `check` makes one. It has a LIMIT of at most the bound's rows."""

    tree: exp.Query
    columns: tuple[OutputColumn, ...]
    limit: int

    @property
    def sql(self) -> str:
        """BigQuery's SQL, tables qualified by the dataset that was checked against."""
        return self.tree.sql("bigquery", comments=False, pretty=True)

    def fetching(self, rows: int) -> CheckedQuery:
        """The same with a limit of exactly `rows`, for asking whether there is one more."""
        return replace(self, tree=self.tree.limit(rows, copy=True), limit=rows)

    def bigquery(self, dataset: str) -> str:
        """BigQuery's SQL on `dataset`, written as BigQuery wants it: `` `project`.name ``."""
        return self._on(dataset).sql("bigquery", comments=False)

    def duckdb(self, schema: str) -> str:
        """DuckDB's SQL on `schema`. Raises QueryRefused where sqlglot knows no equivalent."""
        tree = self._on(schema)
        for part in list(tree.find_all(exp.Extract)):
            name = part.name.upper()
            known = exp.Extract(this=exp.var(vocabulary.DATE_PARTS[name]), expression=part.expression.copy())
            part.replace(exp.paren(known + 1) if name == "DAYOFWEEK" else known)
        try:
            return tree.sql("duckdb", identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
        except SqlglotError as error:
            raise QueryRefused(f"not to be run here: {error}"[:300]) from error

    def _on(self, dataset: str) -> exp.Query:
        tree = self.tree.copy()
        own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}  # none of them is a table's name
        for table in tree.find_all(exp.Table):
            if table.name.lower() not in own:
                place(table, table.name, dataset)
        return tree


def check(sql: str, dataset: Dataset, bounds: Bounds | None = None) -> CheckedQuery:
    """The query, when it may run on that dataset. Raises QueryRefused."""
    bounds = bounds or Bounds()
    try:
        return _check(sql, dataset, bounds)
    except SqlglotError as error:
        raise QueryRefused(f"the query cannot be read: {_first_line(error)}") from error
    except RecursionError as error:
        raise QueryRefused("the query is nested too deeply") from error


def _check(sql: str, dataset: Dataset, bounds: Bounds) -> CheckedQuery:
    if len(sql) > bounds.characters:
        raise QueryRefused(f"the query is longer than {bounds.characters} characters")
    if _depth(sql) > _DEEPEST:
        raise QueryRefused("the query is nested too deeply")
    tree = _only_select(sql)
    _check_nodes(tree)
    check_stars(tree)
    _resolve_tables(tree, dataset, bounds)
    _bound_rows(tree, bounds.rows)
    name_outputs(tree)
    known = _schema(dataset)
    check_names(tree, known, _MOST_NODES)
    full = qualify(tree, schema=known, dialect="bigquery", quote_identifiers=False, identify=False)
    columns = _output(annotate_types(full, schema=known, dialect="bigquery"))
    settle_names(full)
    _check_nodes(full)
    full = annotate_types(full, schema=known, dialect="bigquery")
    check_joins(full, bounds.joins)
    check_texts(full, _MOST_GLUED)
    _check_partitions(full, dataset)
    _check_sums(full)
    for node in full.walk():
        node.type = None  # with types sqlglot writes, or refuses, DuckDB's times by a session's zone: ours is UTC
    return CheckedQuery(full, columns, int(full.args["limit"].expression.name))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["?"])[0][:300]


def _depth(sql: str) -> int:
    """How deep its brackets go; those within quotes count too, which refuses a little more."""
    deepest = depth = 0
    for letter in sql:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _only_select(sql: str) -> exp.Query:
    statements = [each for each in parse_statements(sql) if each is not None]
    statements = [each for each in statements if not isinstance(each, exp.Semicolon)]
    if len(statements) != 1:
        raise QueryRefused("exactly one statement is wanted")
    (tree,) = statements
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise QueryRefused("only SELECT is allowed")
    return tree


def _check_nodes(tree: exp.Expr) -> None:
    depths: dict[int, int] = {}
    for node in tree.walk():
        chained = isinstance(node, exp.Connector) and type(node) is type(node.parent)  # a AND b AND c is no depth
        depths[id(node)] = depths.get(id(node.parent), 0) + (not chained)
        if depths[id(node)] > _DEEPEST_NODE:
            raise QueryRefused("the query is nested too deeply")
        if len(depths) > _MOST_NODES:
            raise QueryRefused("the query has too many parts")
        if type(node) not in vocabulary.ALLOWED:
            name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
            raise QueryRefused(f"{name or type(node).__name__} is not allowed in a query")
        parts = {name for name, value in node.args.items() if value not in (None, False, [])}
        allowed: frozenset[str] | None = None
        match node:
            case exp.Select():
                allowed = vocabulary.SELECT_PARTS
            case exp.Table():
                allowed = vocabulary.TABLE_PARTS
                if not isinstance(node.this, exp.Identifier):
                    raise QueryRefused("a table function is not allowed in a query")
            case exp.Join():
                allowed = vocabulary.JOIN_PARTS
            case exp.TableAlias() if node.args.get("columns"):
                raise QueryRefused("a table's alias names no columns")
            case exp.With() if node.args.get("recursive"):
                raise QueryRefused("WITH RECURSIVE is not allowed")
            case exp.TimeToStr() if not isinstance(node.args["format"], exp.Literal):
                raise QueryRefused("a date's format has to be written out")
            case exp.Extract() if node.name.upper() not in vocabulary.DATE_PARTS:
                raise QueryRefused(f"EXTRACT({node.name}) is not allowed")
        if allowed is not None and parts - allowed:
            raise QueryRefused(f"{sorted(parts - allowed)[0].rstrip('_').upper()} is not allowed in a query")


def _resolve_tables(tree: exp.Query, dataset: Dataset, bounds: Bounds) -> None:
    """Qualify every table by the dataset. A name means one thing: WITH stands once, in front, and hides no table."""
    read = list(tree.find_all(exp.Table))
    if len(read) > bounds.tables:
        raise QueryRefused(f"more than {bounds.tables} tables are read")
    if not read:
        raise QueryRefused("the query reads no table")
    front = tree.args.get("with_")
    if any(each is not front for each in tree.find_all(exp.With)):
        raise QueryRefused("WITH is allowed at the beginning only")
    known: set[str] = set()
    seen: set[int] = set()
    for cte in front.expressions if front else ():
        if dataset.table(cte.alias) or cte.alias.lower() in known:
            raise QueryRefused(f"WITH {cte.alias} hides another of that name")
        inside = list(cte.this.find_all(exp.Table))
        seen.update(map(id, inside))
        for table in inside:
            _resolve(table, known, dataset)
        known.add(cte.alias.lower())
    for table in read:
        if id(table) not in seen:
            _resolve(table, known, dataset)


def _resolve(table: exp.Table, known: set[str], dataset: Dataset) -> None:
    """`known` are the names that WITH has given before this place."""
    given = [part.lower() for part in ".".join(part.name for part in table.parts).split(".")]
    if len(given) == 1 and given[0] in known:
        return
    found = dataset.table(given[-1])
    expected = dataset.name.lower().split(".") if dataset.name else []
    if found is None or (len(given) > 1 and given[:-1] != expected[-(len(given) - 1) :]):
        raise QueryRefused(f"there is no table {'.'.join(given)} in {dataset.name or 'the dataset'}")
    place(table, found.name, dataset.name)


def place(table: exp.Table, name: str, dataset: str) -> None:
    """Make the node say that table of that dataset: `a`, `a.b`, with or without backticks, or empty."""
    parts = [*(dataset.replace("`", "").split(".") if dataset else []), name]
    table.meta.pop("quoted_table", None)
    for key, part in zip(("this", "db", "catalog"), [*reversed(parts), None, None], strict=False):
        table.set(key, exp.to_identifier(part, quoted=_PLAIN.match(part) is None) if part else None)


def _bound_rows(tree: exp.Query, most: int) -> None:
    limit = tree.args.get("limit")
    if limit is None:
        tree.limit(most, copy=False)
        return
    wanted = limit.expression
    if not (isinstance(wanted, exp.Literal) and not wanted.is_string and wanted.name.isdecimal()):
        raise QueryRefused("LIMIT has to be a number")
    if int(wanted.name) > most:
        tree.limit(most, copy=False)


@lru_cache(maxsize=32)
def _schema(dataset: Dataset) -> MappingSchema:
    tables: dict[str, object] = {
        table.name: {column.name: column.type for column in table.columns} for table in dataset.metadata.tables
    }
    for part in reversed(dataset.name.split(".") if dataset.name else []):
        tables = {part: tables}
    return MappingSchema(tables, dialect="bigquery")


def _check_partitions(full: exp.Expr, dataset: Dataset) -> None:
    for scope in traverse_scope(full):
        for alias, source in scope.sources.items():
            if not isinstance(source, exp.Table):
                continue
            table = dataset.table(source.name)
            if table is None or not table.require_partition_filter or table.partition_by is None:
                continue
            if not any(_bounds_partition(each, alias, table) for each in _scope_conditions(scope)):
                raise QueryRefused(
                    f"{table.name} has to be filtered on {table.partition_by} (WHERE {table.partition_by} >= …)"
                )


def _scope_conditions(scope: Scope) -> Iterator[exp.Expr]:
    where = scope.expression.args.get("where")
    yield from conjuncts(where.this if where else None)


def _bounds_partition(condition: exp.Expr, alias: str, table: DatasetTable) -> bool:
    """Whether it compares the bare partition column with something that reads no column."""

    def is_partition(side: exp.Expr) -> bool:
        while isinstance(side, exp.Date | exp.Timestamp | exp.Paren):  # DATE(column) prunes as well
            side = side.this
        named = isinstance(side, exp.Column) and side.table == alias
        return named and side.name.lower() == (table.partition_by or "").lower()

    def is_constant(side: exp.Expr | None) -> bool:
        return side is not None and side.find(exp.Column, exp.Query) is None

    match condition:
        case exp.EQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE():
            left, right = condition.left, condition.right
            return (is_partition(left) and is_constant(right)) or (is_partition(right) and is_constant(left))
        case exp.Between():
            return (
                is_partition(condition.this)
                and is_constant(condition.args["low"])
                and is_constant(condition.args["high"])
            )
        case exp.In():
            listed = condition.expressions
            return is_partition(condition.this) and bool(listed) and all(map(is_constant, listed))
    return False


def _check_sums(full: exp.Expr) -> None:
    for total in full.find_all(exp.Sum, exp.Avg):
        if total.this.is_type(*exp.DataType.TEXT_TYPES, exp.DataType.Type.BOOLEAN, *exp.DataType.TEMPORAL_TYPES):
            raise QueryRefused(f"{total.key.upper()} needs numbers: {total.this.sql('bigquery')} has none")


def _output(full: exp.Query) -> tuple[OutputColumn, ...]:
    """Names and types of the answer's columns."""
    columns = tuple(OutputColumn(selected.alias_or_name, _type_name(selected)) for selected in full.selects)
    if any(column.type in ("STRUCT", "ARRAY") for column in columns):
        raise QueryRefused("a column of the answer has to be one value: name the columns that are wanted")
    names = [column.name.lower() for column in columns]
    if len(set(names)) < len(names):
        raise QueryRefused("two columns of the answer have the same name")
    return columns


_TYPE_NAMES = {
    "TEXT": "STRING", "VARCHAR": "STRING", "CHAR": "STRING", "BIGINT": "INT64", "INT": "INT64", "SMALLINT": "INT64",
    "DOUBLE": "FLOAT64", "FLOAT": "FLOAT64", "DECIMAL": "NUMERIC", "BIGDECIMAL": "NUMERIC", "BOOLEAN": "BOOL",
    "TIMESTAMPTZ": "TIMESTAMP", "TIMESTAMP": "DATETIME",
}  # fmt: skip


def _type_name(node: exp.Expr) -> str:
    kind = (
        node.type.this.value if node.type is not None and isinstance(node.type.this, exp.DataType.Type) else "UNKNOWN"
    )
    return _TYPE_NAMES.get(kind, kind)

"""The data file says what is there: names, types and descriptions of every column."""

from __future__ import annotations

import re
from importlib.resources import files

import duckdb
import pytest

from usher_logger.adapters.duckdb import DuckDbWarehouse
from usher_logger.warehouse.schema import View, load_schema
from usher_logger.warehouse.statements import load_statement

DUCKDB_TYPES = {
    "STRING": {"VARCHAR"},
    "TIMESTAMP": {"TIMESTAMP WITH TIME ZONE"},
    "INT64": {"BIGINT", "INTEGER", "HUGEINT"},
    "FLOAT64": {"DOUBLE"},
    "BOOL": {"BOOLEAN"},
    "JSON": {"JSON"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    path = tmp_path_factory.mktemp("schema") / "warehouse.duckdb"
    DuckDbWarehouse(path)._writer.close()
    return duckdb.connect(str(path))


@pytest.mark.parametrize("view", load_schema().views, ids=lambda view: view.name)
def test_a_view_has_the_columns_that_are_declared(made: duckdb.DuckDBPyConnection, view: View) -> None:
    found = made.execute(f"DESCRIBE {view.name}").fetchall()
    assert [name for name, *_ in found] == [column.name for column in view.columns]
    for (name, type_, *_), column in zip(found, view.columns, strict=True):
        assert type_ in DUCKDB_TYPES[column.type], (name, type_, column.type)


def test_events_is_the_table_without_its_repetitions() -> None:
    schema = load_schema()
    events = schema.views[0]
    assert events.name == "events"
    assert [(c.name, c.type) for c in events.columns] == [(c.name, c.type) for c in schema.table.columns]
    repeated = re.search(r"PARTITION BY ([\w, ]+) ORDER BY received_at\) = 1", events.query("d"))
    assert repeated is not None
    # a filter on one of these may pass the window: else no partition and no cluster is left out
    assert {"id", schema.table.partition_by, *schema.table.cluster_by} == set(repeated[1].split(", "))


def test_everything_is_described() -> None:
    schema = load_schema()
    for described in (
        schema,
        schema.table,
        *schema.views,
        *schema.table.columns,
        *(c for v in schema.views for c in v.columns),
    ):
        assert described.description.endswith("."), described


def test_each_file_is_used_and_every_reference_is_qualified() -> None:
    names = {file.name.removesuffix(".sql") for file in files("usher_logger.warehouse").joinpath("sql").iterdir()}
    schema = load_schema()
    assert {name for name in names if name.startswith("view_")} == {f"view_{view.name}" for view in schema.views}
    readable = {schema.table.name, *(view.name for view in schema.views)}
    for name in names:
        for source in re.findall(r"\b(?:FROM|JOIN)\s+(\S+)", load_statement(name, "there")):
            dataset, _, table = source.partition(".")
            assert dataset == "there", name
            assert table in readable, name

"""The table and its views, from `schema.json`: names, types and descriptions. Terraform reads the same file.

A view's query stands in `sql/view_<name>.sql`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from usher_logger.warehouse.statements import load_statement


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is BigQuery's. A view's columns have no mode of their own."""

    name: str
    type: str
    description: str
    mode: str = "NULLABLE"


@dataclass(frozen=True, slots=True)
class Table:
    """Partitioned by the day of `partition_by`, clustered by `cluster_by`."""

    name: str
    description: str
    partition_by: str
    cluster_by: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class View:
    name: str
    description: str
    columns: tuple[Column, ...]

    def query(self, dataset: str) -> str:
        """What the view reads, from the table and views of `dataset`."""
        return load_statement(f"view_{self.name}", dataset)


@dataclass(frozen=True, slots=True)
class Schema:
    """The views stand after what they read from; the first, `events`, has one row per event id."""

    description: str
    table: Table
    views: tuple[View, ...]


@cache
def load_schema() -> Schema:
    found = json.loads(files("usher_logger.warehouse").joinpath("schema.json").read_text("utf-8"))
    table = found["table"]
    return Schema(
        found["description"],
        Table(
            table["name"],
            table["description"],
            table["partition_by"],
            tuple(table["cluster_by"]),
            tuple(Column(**column) for column in table["columns"]),
        ),
        tuple(
            View(view["name"], view["description"], tuple(Column(**column) for column in view["columns"]))
            for view in found["views"]
        ),
    )

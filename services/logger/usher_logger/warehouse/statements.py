"""The SQL by name (`sql/<name>.sql`). BigQuery dialect, named parameters (`@name`).

`${dataset}` is where a statement finds what it reads from: in BigQuery a reference inside of a view must be qualified
(https://cloud.google.com/bigquery/docs/views#view_limitations), so all are.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def load_statement(name: str, dataset: str) -> str:
    """The text of `sql/<name>.sql`, reading from `dataset`. Raises FileNotFoundError."""
    text = files("usher_logger.warehouse").joinpath("sql", f"{name}.sql").read_text("utf-8")
    return text.replace("${dataset}", dataset)


@cache
def parameter_names(name: str) -> frozenset[str]:
    """The parameters that the named query takes."""
    return frozenset(re.findall(r"@(\w+)", load_statement(name, "")))

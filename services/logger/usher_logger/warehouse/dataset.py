"""What may be asked of the warehouse: its views, with the words that people use for them (`questions.json`).

The table of deliveries and the view of raw events are left out, and so are columns that mislead when they are added up.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from usher_logger.warehouse.schema import load_schema
from usher_shared.contracts.insights import Dataset, DatasetMetadata

NAME = "usher"


@cache
def load_dataset() -> Dataset:
    """The dataset `usher`, whatever an installation calls it."""
    said = json.loads(files("usher_logger.warehouse").joinpath("questions.json").read_text("utf-8"))
    schema = load_schema()
    tables: list[dict[str, Any]] = []
    for view in schema.views:
        words = said.get(view.name)
        if words is None:
            continue
        columns = [
            {"name": column.name, "type": column.type, "description": column.description}
            | words["columns"].get(column.name, {})
            for column in view.columns
            if column.name not in words["hidden"]
        ]
        tables.append({"name": view.name, "description": view.description} | words | {"columns": columns})
    return Dataset(
        name=NAME, metadata=DatasetMetadata.model_validate({"description": schema.description, "tables": tables})
    )

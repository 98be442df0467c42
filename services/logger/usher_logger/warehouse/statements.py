"""The SQL files: schema in the order of creation, queries by name. BigQuery dialect, named parameters (`@name`)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

# views after what they read from
SCHEMA = ("events", "order_changes", "orders", "conversations", "turns", "errors", "feedback")


@cache
def load_statement(name: str) -> str:
    """The text of `sql/<name>.sql`. Raises FileNotFoundError."""
    return files("usher_logger.warehouse").joinpath("sql", f"{name}.sql").read_text("utf-8")


def load_schema() -> list[str]:
    """The statements that make the table and its views; each may be run again."""
    return [load_statement(f"schema_{name}") for name in SCHEMA]

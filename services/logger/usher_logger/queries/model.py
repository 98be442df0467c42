"""What POST /queries takes and answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class QueryRequest(BaseModel):
    """`sql` is BigQuery's, on the dataset that GET /dataset describes; it is checked before it runs."""

    sql: str = Field(min_length=1, max_length=20_000)


class Column(BaseModel):
    name: str
    type: str


class QueryAnswer(BaseModel):
    """`truncated`: there were more rows than are ever answered with."""

    columns: list[Column]
    rows: list[dict[str, Any]]
    truncated: bool

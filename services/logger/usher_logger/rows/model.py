"""What GET /rows/{table} answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel


class Table(StrEnum):
    """The tables and views that can be read, newest row first."""

    EVENTS = "events"
    ORDERS = "orders"
    CONVERSATIONS = "conversations"
    TURNS = "turns"
    ERRORS = "errors"


class Rows(BaseModel):
    table: Table
    rows: list[dict[str, Any]]

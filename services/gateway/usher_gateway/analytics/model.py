"""Which tables of the warehouse may be read."""

from __future__ import annotations

from typing import Literal

TableName = Literal["events", "orders", "conversations", "turns", "errors"]

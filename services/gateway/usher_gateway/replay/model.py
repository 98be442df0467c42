"""An answer as it can be recorded and given again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is UTF-8 text. `replayed` says that it was recorded by an earlier request.

    `conversation_id` is whose texts it holds: its record goes when that conversation is erased.
    """

    status: int
    body: bytes
    media_type: str = JSON
    replayed: bool = False
    conversation_id: str | None = None

    def to_record(self) -> dict[str, Any]:
        return {"media_type": self.media_type, "text": self.body.decode()}

    @staticmethod
    def from_record(status: int, record: dict[str, Any]) -> Answer:
        return Answer(status, record["text"].encode(), record["media_type"], replayed=True)

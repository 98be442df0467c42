"""What every adapter refuses before it writes: documents too large, ids that are none."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from usher_shared.documents.ports import JsonValue

_MAX_BYTES = 1 << 20


def serialize(data: Mapping[str, JsonValue]) -> bytes:
    """The document as JSON. Raises ValueError above 1 MiB, TypeError for what is no JSON value."""
    text = orjson.dumps(data)
    if len(text) > _MAX_BYTES:
        raise ValueError(f"a document of {len(text)} bytes is over the limit of {_MAX_BYTES}")
    return text


def check_id(id: str) -> str:
    """The id. Raises ValueError unless it has 1 to 512 characters and no "/"."""
    if not 0 < len(id) <= 512 or "/" in id:
        raise ValueError(f"{id!r} is no document id")
    return id


def check_path(field: str) -> list[str]:
    """The parts of a dotted field path. Raises ValueError unless they are identifiers."""
    parts = field.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ValueError(f"{field!r} is no field path")
    return parts

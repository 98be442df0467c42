"""Documents as Firestore's values, faithfully: what is read is what was written.

* Stored field names starting with "_" are this adapter's own. The caller's that start with "_" or "=", or are empty,
  are stored with "=" before them (Firestore reserves `__name__` forms and refuses empty names).
* Firestore has no list directly in a list: the inner one is stored as `{"_list": [...]}`.
* `_ttl` is the collection's time-to-live field once more, as a timestamp: the TTL policy deletes by it. `_commit`
  names the commit that wrote the document, so that a commit whose answer was lost can be recognised. `_id` is the id.
* Ids that Firestore refuses (".", "..", `__x__`) and those that start with "=" are stored with "=" before them.

Limits: https://firebase.google.com/docs/firestore/quotas
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.cloud.firestore_v1.types import document as types

from usher_shared.clock import from_timestamp
from usher_shared.documents.ports import JsonValue

TTL_FIELD = "_ttl"
COMMIT_FIELD = "_commit"
ID_FIELD = "_id"
_LIST = "_list"
_ODD_ID = re.compile(r"=.*|\.\.?|__.*__", re.DOTALL)
_MAX_ID_BYTES = 1500

ValueMessage = Any  # google.firestore.v1.Value, the generated message
new_value = type(types.Value.pb(types.Value()))


def stored_name(name: str) -> str:
    """A field's name as stored."""
    return f"={name}" if not name or name[0] in "_=" else name


def stored_path(parts: list[str]) -> str:
    """A field path as queries name it (simple names stand bare, others in backticks)."""
    names = [stored_name(part) for part in parts]
    return ".".join(name if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) else f"`{name}`" for name in names)


def stored_id(id: str) -> str:
    """Raises ValueError for an id of more than 1,500 bytes."""
    if len(id.encode()) > _MAX_ID_BYTES:
        raise ValueError(f"an id of {len(id.encode())} bytes is over the limit of {_MAX_ID_BYTES}")
    return f"={id}" if _ODD_ID.fullmatch(id) else id


def document_id(name: str) -> str:
    """The caller's id of a stored document's full name."""
    return name.rpartition("/")[2].removeprefix("=")


def fill(target: ValueMessage, value: JsonValue) -> None:
    """Put a JSON value into an empty Value message. Raises ValueError for an integer over 64 bits."""
    if value is None:
        target.null_value = 0
    elif isinstance(value, bool):
        target.boolean_value = value
    elif isinstance(value, int):
        target.integer_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list | tuple):  # JSON knows one kind of sequence
        target.array_value.SetInParent()
        for item in value:
            element = target.array_value.values.add()
            if isinstance(item, list | tuple):
                fill(element.map_value.fields[_LIST], item)
            else:
                fill(element, item)
    else:
        target.map_value.SetInParent()
        fill_fields(target.map_value.fields, value)


def fill_fields(fields: Any, data: Mapping[str, JsonValue]) -> None:
    for name, value in data.items():
        fill(fields[stored_name(name)], value)


def fill_document(fields: Any, id: str, data: Mapping[str, JsonValue], ttl_field: str | None) -> None:
    """A whole document, with its id and, where the collection has one, its end of life."""
    fill_fields(fields, data)
    fields[ID_FIELD].string_value = id
    end = data.get(ttl_field) if ttl_field is not None else None
    if isinstance(end, str):
        fields[TTL_FIELD].timestamp_value.FromDatetime(from_timestamp(end))


def read_value(value: ValueMessage) -> JsonValue:
    kind = value.WhichOneof("value_type")
    if kind == "map_value":
        fields = value.map_value.fields
        return read_value(fields[_LIST]) if _LIST in fields else read_fields(fields)
    if kind == "array_value":
        return [read_value(item) for item in value.array_value.values]
    return None if kind == "null_value" else getattr(value, kind)


def read_fields(fields: Any) -> dict[str, JsonValue]:
    """The caller's fields of a document or a map."""
    return {name.removeprefix("="): read_value(value) for name, value in fields.items() if not name.startswith("_")}

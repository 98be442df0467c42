"""The port's queries as Firestore's structured queries, and pages made of their answers."""

from __future__ import annotations

from typing import Any

import orjson
from google.cloud.firestore_v1.types import query as types

from usher_shared.documents.firestore_values import ID_FIELD, document_id, fill, read_fields, stored_id, stored_path
from usher_shared.documents.limits import check_path
from usher_shared.documents.ports import Document, Page, Query

_NAME = "__name__"
_FieldFilter = types.StructuredQuery.FieldFilter
_OPERATORS = {
    "==": _FieldFilter.Operator.EQUAL,
    "<": _FieldFilter.Operator.LESS_THAN,
    "<=": _FieldFilter.Operator.LESS_THAN_OR_EQUAL,
    ">": _FieldFilter.Operator.GREATER_THAN,
    ">=": _FieldFilter.Operator.GREATER_THAN_OR_EQUAL,
}
_new_query = type(types.StructuredQuery.pb(types.StructuredQuery()))


def _path(field: str) -> str:
    return stored_path(check_path(field))


def structured_query(query: Query, root: str) -> Any:
    """The StructuredQuery message for a checked query; asks for one document more than the limit.

    `root` is the full name that the collection's documents stand under.
    """
    message = _new_query()
    message.from_.add(collection_id=query.collection)
    filters = message.where.composite_filter
    filters.op = types.StructuredQuery.CompositeFilter.Operator.AND
    for f in query.where:
        term = filters.filters.add().field_filter
        term.field.field_path = _path(f.field)
        term.op = _OPERATORS[f.op]
        fill(term.value, f.value)
    if query.order_by is not None and all(f.op == "==" for f in query.where):
        present = filters.filters.add().unary_filter  # null is in Firestore's order, but is no value here
        present.field.field_path = _path(query.order_by)
        present.op = types.StructuredQuery.UnaryFilter.Operator.IS_NOT_NULL
    if not filters.filters:
        message.ClearField("where")
    direction = types.StructuredQuery.Direction
    way = direction.DESCENDING if query.descending else direction.ASCENDING
    # Firestore goes through names upwards only; downwards by id is by the copy of the id
    by = _path(query.order_by) if query.order_by is not None else ID_FIELD if query.descending else None
    for path in (_NAME,) if by is None else (by, _NAME):
        order = message.order_by.add(direction=way)
        order.field.field_path = path
    if query.after is not None:
        value, id = orjson.loads(query.after)
        if by is not None:
            fill(message.start_at.values.add(), id if query.order_by is None else value)
        message.start_at.values.add(reference_value=f"{root}/{query.collection}/{stored_id(id)}")
        message.start_at.before = False
    message.limit.value = query.limit + 1
    return message


def to_page(query: Query, found: list[Any]) -> Page:
    """The page of an answer to `structured_query`."""
    documents = [Document(document_id(d.name), read_fields(d.fields)) for d in found[: query.limit]]
    if len(found) <= query.limit:
        return Page(documents, None)
    last = documents[-1]
    value: Any = None
    if query.order_by is not None:
        value = last.data
        for part in query.order_by.split("."):
            value = value[part]
    return Page(documents, orjson.dumps([value, last.id]).decode())

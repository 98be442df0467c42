"""The declared collections: where they are, which indexes exist, which field ends a document's life.

Terraform reads the same `collections.json` (deploy/gcp/terraform/firestore_locals.tf).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from usher_shared.documents.ports import MissingIndex, Query

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    indexes: tuple[tuple[str, ...], ...]
    ttl_field: str | None
    databases: tuple[str, ...] = ()  # by the service that owns the database; `sandbox` is the payment sandbox's


@cache
def load_collections() -> dict[str, Collection]:
    """All declared collections by name, read from `collections.json` beside this file."""
    raw = json.loads(files("usher_shared.documents").joinpath("collections.json").read_text("utf-8"))
    for name in raw:
        if not _NAME.fullmatch(name):
            raise ValueError(f"collection name {name!r} is not a lower-case noun")
    return {
        name: Collection(
            name,
            tuple(tuple(index) for index in body.get("indexes", ())),
            body.get("ttl_field"),
            tuple(body["databases"]),
        )
        for name, body in raw.items()
    }


def require_index(query: Query, collections: Mapping[str, Collection]) -> Collection:
    """The query's collection among `collections`. Raises MissingIndex unless a declared index serves the query,
    ValueError for a limit below 1.
    """
    if query.limit < 1:
        raise ValueError(f"a page of {query.limit} documents is none")
    collection = require_collection(query.collection, collections)
    equal = {f.field for f in query.where if f.op == "=="}
    ranged = {f.field for f in query.where if f.op != "=="}
    if ranged - {query.order_by}:
        raise MissingIndex(f"range filters on {sorted(ranged)} need order_by on that same field")
    tail = () if query.order_by is None else (query.order_by,)
    if not equal and not tail:
        return collection
    if query.descending and not tail:
        raise MissingIndex(f"{sorted(equal)} with ids downwards: order by a field of an index")
    for index in collection.indexes:
        # an index serves the order of its last field; conditions of equality alone need no more than its first fields
        if set(index[: len(equal)]) == equal and (not tail or index[len(equal) :] == tail):
            return collection
    raise MissingIndex(f"no index on {query.collection}: {sorted(equal)} then {list(tail)}")


def require_collection(name: str, collections: Mapping[str, Collection]) -> Collection:
    """Raises MissingIndex for a collection that is not declared."""
    collection = collections.get(name)
    if collection is None:
        raise MissingIndex(f"collection {name!r} is not declared in collections.json")
    return collection

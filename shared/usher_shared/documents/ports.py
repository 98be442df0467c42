"""The DocumentStore port: collections of JSON documents with serializable transactions.

Semantics that every adapter keeps (tests/contracts/documents):

* A document is a JSON object of at most 1 MiB under (collection, id). Ids are 1 to 512 characters
  without "/"; a collection is a lower-case noun. Times are RFC 3339 text in UTC (`clock.to_timestamp`).
* A query needs an index declared in `collections.json`: first its equality fields, then the field
  that it orders by or bounds. Documents lacking that field are not in the answer. Equal values are ordered by id.
* `transaction(fn)` runs `fn` serializably: as if alone. `fn` reads first, then writes (a read after a
  write raises RuntimeError); it may run more than once, so it has no effect but on its Transaction, and it
  awaits nothing but its Transaction. Writes take effect together after `fn` returns; none if it raises.
* Contention is retried inside with jitter; Contention is raised only when that did not help.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from usher_shared.errors import Unavailable, UsherError

T = TypeVar("T")
JsonValue = Any  # str | int | float | bool | None | list[JsonValue] | dict[str, JsonValue]
Scalar = str | int | float | bool
Operator = Literal["==", "<", "<=", ">", ">="]


class AlreadyExists(UsherError):
    """`create` met a document of that id."""

    code, http_status = "already_exists", 409


class Contention(Unavailable):
    """Others kept writing what this transaction read, beyond the retry budget."""

    code = "contention"


class MissingIndex(UsherError):
    """No declared index covers the query: declare one in collections.json."""

    code = "missing_index"


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    data: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Filter:
    field: str
    op: Operator
    value: Scalar


@dataclass(frozen=True, slots=True)
class Query:
    """Which documents: all filters hold; range filters bound the `order_by` field alone.

    `field` may be a dotted path. `after` is the `next_cursor` of the page before.
    """

    collection: str
    where: tuple[Filter, ...] = ()
    order_by: str | None = None
    descending: bool = False
    limit: int = 100
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    documents: list[Document]
    next_cursor: str | None


class Transaction(Protocol):
    async def get(self, collection: str, id: str) -> dict[str, JsonValue] | None: ...

    async def query(self, query: Query) -> Page: ...

    def create(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        """Insert; the transaction fails with AlreadyExists if the document exists."""
        ...

    def set(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        """Insert or replace the whole document."""
        ...

    def delete(self, collection: str, id: str) -> None:
        """Remove; nothing happens if it does not exist."""
        ...


class DocumentStore(Protocol):
    async def get(self, collection: str, id: str) -> dict[str, JsonValue] | None: ...

    async def create(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None: ...

    async def set(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None: ...

    async def delete(self, collection: str, id: str) -> None: ...

    async def query(self, query: Query) -> Page: ...

    async def transaction(self, fn: Callable[[Transaction], Awaitable[T]]) -> T: ...

    async def ping(self) -> None:
        """Return if the store answers; raise otherwise."""
        ...

    async def close(self) -> None: ...

"""Documents: the port every service writes its repositories on, and its adapters."""

from usher_shared.documents.ports import (
    AlreadyExists,
    Contention,
    Document,
    DocumentStore,
    Filter,
    JsonValue,
    MissingIndex,
    Page,
    Query,
    Transaction,
)

__all__ = [
    "AlreadyExists",
    "Contention",
    "Document",
    "DocumentStore",
    "Filter",
    "JsonValue",
    "MissingIndex",
    "Page",
    "Query",
    "Transaction",
]

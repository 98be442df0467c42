"""What Terraform makes of collections.json is what the services' queries need, in the databases they use."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest

from deploy.configuration import evaluate, resource
from usher_shared.documents import Filter, MissingIndex, Query
from usher_shared.documents.collections import Collection, load_collections, require_index
from usher_shared.documents.firestore_values import TTL_FIELD

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = load_collections()
_SHARED = {"Outbox": "outbox", "IdempotencyRecords": "idempotency"}
_CALLS = {"get", "create", "set", "delete", "Query"}

Index = tuple[tuple[str, str], ...]


def made() -> dict[tuple[str, str], set[Index]]:
    """The composite indexes by (database, collection), as Terraform would make them."""
    found: dict[tuple[str, str], set[Index]] = {}
    for index in evaluate()["firestore_indexes"].values():
        fields = tuple((field["path"], field["order"]) for field in index["fields"])
        found.setdefault((index["database"], index["collection"]), set()).add(fields)
    return found


def needed(query: Query) -> tuple[frozenset[str], tuple[str, str]] | None:
    """The composite index that Firestore asks for: fields of equality in any order, then the ordering one.

    None where indexes of single fields do: https://firebase.google.com/docs/firestore/query-data/index-overview
    """
    equal = frozenset(f.field for f in query.where if f.op == "==")
    if query.order_by is None or not equal:
        return None
    return equal, (query.order_by, "DESCENDING" if query.descending else "ASCENDING")


def admitted(collection: Collection) -> list[Query]:
    """Every kind of query that the declared indexes let through."""
    fields = sorted({field for index in collection.indexes for field in index})
    found = []
    for size in range(len(fields) + 1):
        for equal in itertools.combinations(fields, size):
            for order_by, descending in itertools.product((None, *fields), (False, True)):
                where = tuple(Filter(field, "==", "x") for field in equal)
                query = Query(collection.name, where, order_by, descending)
                try:
                    require_index(query, COLLECTIONS)
                except MissingIndex:
                    continue
                found.append(query)
    return found


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda collection: collection.name)
def test_every_admitted_query_has_its_index(collection: Collection) -> None:
    indexes, queries = made(), admitted(collection)
    assert queries
    for database, query in itertools.product(collection.databases, queries):
        wanted = needed(query)
        if wanted is not None:
            have = {(frozenset(path for path, _ in i[:-1]), i[-1]) for i in indexes[database, collection.name]}
            assert wanted in have, query


def test_an_index_is_made_only_where_its_collection_is() -> None:
    declared = {
        (database, collection.name, fields)
        for collection in COLLECTIONS.values()
        for database in collection.databases
        for fields in collection.indexes
        if len(fields) > 1
    }
    found = {(*place, tuple(path for path, _ in index)) for place, several in made().items() for index in several}
    assert found == declared


def test_documents_that_end_are_deleted_in_each_database() -> None:
    found = {(entry["database"], entry["collection"]) for entry in evaluate()["firestore_ttl"].values()}
    assert found == {(d, c.name) for c in COLLECTIONS.values() if c.ttl_field is not None for d in c.databases}
    assert resource("google_firestore_field", "ttl")["field"] == TTL_FIELD


def test_there_is_a_database_for_every_collection_and_none_too_many() -> None:
    assert {d for c in COLLECTIONS.values() for d in c.databases} == set(evaluate()["databases"])


def used(files: list[Path]) -> set[str]:
    """The collections that code names: to the document store, in a constant, or by what it builds on."""
    if not any("usher_shared.documents" in file.read_text() for file in files):
        return set()
    found: set[str] = set()
    for node in itertools.chain.from_iterable(ast.walk(ast.parse(file.read_text())) for file in files):
        if isinstance(node, ast.Assign):
            found |= {node.value.value} if isinstance(node.value, ast.Constant) else set()  # type: ignore[arg-type]
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found |= {_SHARED[name]} if name in _SHARED else set()
            if name in _CALLS and len(node.args) > (name != "Query") and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)  # type: ignore[arg-type]
    return found & COLLECTIONS.keys()


@pytest.mark.parametrize(
    "database", ["gateway", "agent", "inference", "tools", "logger", "webhooks", "trainer-job", "sandbox"]
)
def test_collections_are_declared_where_the_code_uses_them(database: str) -> None:
    sandbox = ROOT / "services/tools/usher_tools/adapters/sandbox_payments.py"
    folder = ROOT / "services" / database / f"usher_{database.replace('-', '_')}"
    files = [sandbox] if database == "sandbox" else [file for file in folder.rglob("*.py") if file != sandbox]
    assert used(files) == {c.name for c in COLLECTIONS.values() if database in c.databases}

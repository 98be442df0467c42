"""Documents as SQL: what a query, a read and a write are on a SQLite connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import orjson

from usher_shared.documents.collections import Collection, require_collection, require_index
from usher_shared.documents.limits import check_id, check_path, serialize
from usher_shared.documents.ports import AlreadyExists, Document, JsonValue, Page, Query


def path_expression(field: str) -> str:
    check_path(field)
    return f"json_extract(data, '$.{field}')"


def select(query: Query) -> tuple[str, list[Any]]:
    """SQL and its bindings for a checked query; asks for one row more than the limit."""
    terms, values = [], []
    for f in query.where:
        terms.append(f"{path_expression(f.field)} {'=' if f.op == '==' else f.op} ?")
        values.append(int(f.value) if isinstance(f.value, bool) else f.value)
    order = "id" if query.order_by is None else path_expression(query.order_by)
    direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
    if query.order_by is not None:
        terms.append(f"{order} IS NOT NULL")
    if query.after is not None:
        cursor = orjson.loads(query.after)
        if query.order_by is None:
            terms.append(f"id {beyond} ?")
            values.append(cursor[1])
        else:
            terms.append(f"({order}, id) {beyond} (?, ?)")
            values += cursor
    where = f"WHERE {' AND '.join(terms)}" if terms else ""
    ordering = f"id {direction}" if query.order_by is None else f"{order} {direction}, id {direction}"
    # names come from collections.json and identifier-checked paths, values are bound
    sql = f'SELECT id, data FROM "{query.collection}" {where} ORDER BY {ordering} LIMIT ?'  # noqa: S608
    return sql, [*values, query.limit + 1]


def read_page(connection: sqlite3.Connection, query: Query) -> Page:
    sql, values = select(query)
    rows = connection.execute(sql, values).fetchall()
    documents = [Document(id, orjson.loads(data)) for id, data in rows[: query.limit]]
    if len(rows) <= query.limit:
        return Page(documents, None)
    last = documents[-1]
    value: Any = last.data
    for part in (query.order_by or "").split(".") if query.order_by else ():
        value = value[part]
    return Page(documents, orjson.dumps([value if query.order_by else None, last.id]).decode())


def read_one(connection: sqlite3.Connection, collection: str, id: str) -> dict[str, JsonValue] | None:
    row = connection.execute(f'SELECT data FROM "{collection}" WHERE id = ?', (id,)).fetchone()  # noqa: S608
    return None if row is None else orjson.loads(row[0])


class SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection, collections: Mapping[str, Collection]) -> None:
        self._connection = connection
        self._collections = collections
        self._writes: list[tuple[str, str, str, str | None]] = []

    def _assert_reading(self) -> None:
        if self._writes:
            raise RuntimeError("a transaction reads before it writes (Firestore's rule)")

    async def get(self, collection: str, id: str) -> dict[str, JsonValue] | None:
        self._assert_reading()
        require_collection(collection, self._collections)
        return read_one(self._connection, collection, id)

    async def query(self, query: Query) -> Page:
        self._assert_reading()
        require_index(query, self._collections)
        return read_page(self._connection, query)

    def _write(self, kind: str, collection: str, id: str, data: str | None) -> None:
        require_collection(collection, self._collections)
        self._writes.append((kind, collection, check_id(id), data))

    def create(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        self._write("create", collection, id, serialize(data).decode())

    def set(self, collection: str, id: str, data: Mapping[str, JsonValue]) -> None:
        self._write("set", collection, id, serialize(data).decode())

    def delete(self, collection: str, id: str) -> None:
        self._write("delete", collection, id, None)

    def apply(self) -> None:
        for kind, collection, id, data in self._writes:
            try:
                if kind == "create":
                    self._connection.execute(f'INSERT INTO "{collection}" (id, data) VALUES (?, ?)', (id, data))  # noqa: S608
                elif kind == "set":
                    self._connection.execute(
                        f'INSERT INTO "{collection}" (id, data) VALUES (?, ?) '  # noqa: S608
                        "ON CONFLICT (id) DO UPDATE SET data = excluded.data",
                        (id, data),
                    )
                else:
                    self._connection.execute(f'DELETE FROM "{collection}" WHERE id = ?', (id,))  # noqa: S608
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"{collection}/{id} exists") from error

    @property
    def wrote(self) -> bool:
        return bool(self._writes)

"""Documents through Firestore's values and back: nothing is lost, nothing of the adapter's own comes out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.firestore_v1.types import document as types
from hypothesis import given
from hypothesis import strategies as st

from usher_shared.documents.firestore_values import (
    document_id,
    fill_document,
    read_fields,
    stored_id,
    stored_path,
)

new_document = type(types.Document.pb(types.Document()))
names = st.text(max_size=8) | st.sampled_from(
    ["", "_", "=", "_list", "=_list", "__x__", "_ttl", "_commit", "_id", "a.b"]
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8)
)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(names, v, max_size=4), max_leaves=12)


def stored(data: dict[str, Any], ttl_field: str | None = None) -> Any:
    """The document as it travels and as it lies in the database."""
    document = new_document()
    fill_document(document.fields, "some-id", data, ttl_field)
    return new_document.FromString(document.SerializeToString())


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types down to the leaves: 1 is not 1.0 and not True."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(st.dictionaries(names, values, max_size=5))
def test_whatever_is_json_comes_back_as_it_was(data: dict[str, Any]) -> None:
    assert same(read_fields(stored(data).fields), data)


@given(st.dictionaries(names, values, max_size=5))
def test_nothing_is_stored_that_firestore_refuses(data: dict[str, Any]) -> None:
    def check(value: Any) -> None:
        for item in value.array_value.values:
            assert item.WhichOneof("value_type") != "array_value"
            check(item)
        for name, item in value.map_value.fields.items():
            assert name
            assert not (name.startswith("__") and name.endswith("__"))
            check(item)

    for name, value in stored(data).fields.items():
        assert name
        assert not (name.startswith("__") and name.endswith("__"))
        check(value)


def test_the_end_of_life_is_stored_as_a_time_beside_the_text() -> None:
    data = {"purge_at": "2026-11-20T18:00:00.250000Z"}
    document = stored(data, "purge_at")
    moment = document.fields["_ttl"].timestamp_value.ToDatetime(tzinfo=UTC)
    assert moment == datetime(2026, 11, 20, 18, 0, 0, 250_000, tzinfo=UTC)
    assert read_fields(document.fields) == data


@pytest.mark.parametrize("data", [{}, {"purge_at": None}])
def test_without_an_end_a_document_stays(data: dict[str, Any]) -> None:
    assert "_ttl" not in stored(data, "purge_at").fields


@pytest.mark.parametrize("id", ["a", ".", "..", "__x__", "=", "=a", "==", "__", "____", "東京"])
def test_ids_come_back_and_are_none_that_firestore_refuses(id: str) -> None:
    name = stored_id(id)
    assert document_id(f"projects/p/databases/d/documents/c/{name}") == id
    assert name not in (".", "..")
    assert not re.fullmatch("__.*__", name)


def test_an_id_may_have_1500_bytes() -> None:
    assert stored_id("東" * 500) == "東" * 500
    with pytest.raises(ValueError, match="limit"):
        stored_id("東" * 501)


def test_an_integer_over_64_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="range"):
        stored({"large": 2**63})


@pytest.mark.parametrize(
    ("parts", "path"), [(["size"], "size"), (["place", "city"], "place.city"), (["_a", "é"], "`=_a`.`é`")]
)
def test_paths_name_what_is_stored(parts: list[str], path: str) -> None:
    assert stored_path(parts) == path

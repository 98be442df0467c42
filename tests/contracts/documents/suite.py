"""What every DocumentStore does. An adapter's test subclasses `DocumentStoreSuite` with the fixture `opener`.

`opener` is a function that opens the same, initially empty store anew each time, with `COLLECTIONS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.documents.transactions import Opener, TransactionSuite
from usher_shared.documents import (
    AlreadyExists,
    Document,
    DocumentStore,
    Filter,
    MissingIndex,
    Page,
    Query,
)
from usher_shared.documents.collections import Collection

COLLECTIONS = {
    "items": Collection("items", (("size",), ("colour", "size"), ("sold", "size"), ("place.city", "size")), None),
    "counters": Collection("counters", (), None),
    "visits": Collection("visits", (("expires_at",),), "expires_at"),
}


async def every_page(store: DocumentStore, query: Query) -> list[list[str]]:
    """The ids of each page, following cursors to the end."""
    pages, after = [], None
    while True:
        page = await store.query(
            Query(query.collection, query.where, query.order_by, query.descending, query.limit, after)
        )
        pages.append([d.id for d in page.documents])
        after = page.next_cursor
        if after is None:
            return pages


class DocumentStoreSuite(TransactionSuite):
    __test__ = False

    @pytest.fixture
    async def store(self, opener: Opener) -> AsyncIterator[DocumentStore]:
        store = opener()
        yield store
        await store.close()

    async def fill(self, store: DocumentStore) -> None:
        for id, colour, size in (
            ("a", "red", 3),
            ("b", "blue", 1),
            ("c", "red", 1),
            ("d", "red", 2),
            ("e", "green", 2),
            ("f", "red", 2),
        ):
            await store.set("items", id, {"colour": colour, "size": size, "sold": size == 2})

    # one document

    async def test_a_document_comes_back_as_it_was_set(self, store: DocumentStore) -> None:
        data = {
            "text": "Grüße, 東京 🎟",
            "integer": 2**53 - 1,
            "float": 12.5,
            "yes": True,
            "none": None,
            "list": [1, "two", {"three": 3}],
            "map": {"nested": {"deep": []}},
        }
        await store.set("items", "one", data)
        assert await store.get("items", "one") == data

    async def test_a_tuple_comes_back_as_a_list(self, store: DocumentStore) -> None:
        await store.set("items", "one", {"pair": ("a", {"b": (1, (2,))})})
        assert await store.get("items", "one") == {"pair": ["a", {"b": [1, [2]]}]}

    async def test_what_is_absent_is_none(self, store: DocumentStore) -> None:
        assert await store.get("items", "nothing") is None

    async def test_set_replaces_the_whole_document(self, store: DocumentStore) -> None:
        await store.set("items", "one", {"colour": "red", "size": 1})
        await store.set("items", "one", {"colour": "blue"})
        assert await store.get("items", "one") == {"colour": "blue"}

    async def test_create_refuses_an_existing_document_and_leaves_it(self, store: DocumentStore) -> None:
        await store.create("items", "one", {"size": 1})
        with pytest.raises(AlreadyExists):
            await store.create("items", "one", {"size": 2})
        assert await store.get("items", "one") == {"size": 1}

    async def test_of_many_creating_at_once_one_succeeds(self, store: DocumentStore) -> None:
        results = await asyncio.gather(
            *(store.create("items", "one", {"size": n}) for n in range(20)), return_exceptions=True
        )
        assert sum(result is None for result in results) == 1
        assert sum(isinstance(result, AlreadyExists) for result in results) == 19

    async def test_delete_removes_and_may_be_repeated(self, store: DocumentStore) -> None:
        await store.set("items", "one", {})
        await store.delete("items", "one")
        await store.delete("items", "one")
        assert await store.get("items", "one") is None

    async def test_collections_are_apart(self, store: DocumentStore) -> None:
        await store.set("items", "one", {"size": 1})
        assert await store.get("counters", "one") is None

    async def test_a_returned_document_is_the_callers_own(self, store: DocumentStore) -> None:
        await store.set("items", "one", {"list": [1]})
        found = await store.get("items", "one")
        assert found is not None
        found["list"].append(2)
        assert await store.get("items", "one") == {"list": [1]}

    @pytest.mark.parametrize("id", ["", "a/b", "x" * 513])
    async def test_ids_have_limits(self, store: DocumentStore, id: str) -> None:
        with pytest.raises(ValueError, match="id"):
            await store.set("items", id, {})

    async def test_an_id_of_512_characters_is_one(self, store: DocumentStore) -> None:
        await store.set("items", "x" * 512, {"size": 1})
        assert await store.get("items", "x" * 512) == {"size": 1}

    async def test_a_document_over_a_mebibyte_is_refused(self, store: DocumentStore) -> None:
        with pytest.raises(ValueError, match="limit"):
            await store.set("items", "big", {"text": "x" * (1 << 20)})
        assert await store.get("items", "big") is None

    async def test_a_document_near_the_limit_is_kept(self, store: DocumentStore) -> None:
        text = "x" * 900_000
        await store.set("items", "big", {"text": text})
        assert await store.get("items", "big") == {"text": text}

    async def test_an_undeclared_collection_is_refused(self, store: DocumentStore) -> None:
        for attempt in (
            store.get("unheard_of", "one"),
            store.set("unheard_of", "one", {}),
            store.query(Query("unheard_of")),
        ):
            with pytest.raises(MissingIndex):
                await attempt

    async def test_ping_answers(self, store: DocumentStore) -> None:
        await store.ping()

    # queries

    async def test_a_query_without_conditions_lists_by_id(self, store: DocumentStore) -> None:
        await self.fill(store)
        assert await every_page(store, Query("items")) == [["a", "b", "c", "d", "e", "f"]]

    async def test_equality_range_and_order(self, store: DocumentStore) -> None:
        await self.fill(store)
        red = Filter("colour", "==", "red")
        for where, descending, expected in (
            ((red,), False, ["c", "d", "f", "a"]),
            ((red,), True, ["a", "f", "d", "c"]),
            ((red, Filter("size", ">", 1)), False, ["d", "f", "a"]),
            ((red, Filter("size", ">=", 2), Filter("size", "<", 3)), False, ["d", "f"]),
            ((red, Filter("size", "<=", 1)), False, ["c"]),
            ((Filter("colour", "==", "none such"),), False, []),
        ):
            page = await store.query(Query("items", where, "size", descending))
            assert [d.id for d in page.documents] == expected

    async def test_documents_come_with_their_data(self, store: DocumentStore) -> None:
        await store.set("items", "one", {"size": 4, "colour": "red"})
        page = await store.query(Query("items", (Filter("colour", "==", "red"),), "size"))
        assert page == Page([Document("one", {"size": 4, "colour": "red"})], None)

    async def test_equality_of_booleans_and_dotted_paths(self, store: DocumentStore) -> None:
        await self.fill(store)
        await store.set("items", "g", {"place": {"city": "Wien"}, "size": 9})
        sold = await store.query(Query("items", (Filter("sold", "==", True),), "size"))
        assert [d.id for d in sold.documents] == ["d", "e", "f"]
        there = await store.query(Query("items", (Filter("place.city", "==", "Wien"),), "size"))
        assert [d.id for d in there.documents] == ["g"]

    async def test_documents_without_the_ordering_field_are_left_out(self, store: DocumentStore) -> None:
        await store.set("items", "sized", {"size": 1})
        await store.set("items", "bare", {"colour": "red"})
        assert await every_page(store, Query("items", order_by="size")) == [["sized"]]

    async def test_text_orders_by_code_point(self, store: DocumentStore) -> None:
        for id in ("Z", "a", "é", "z", "東"):
            await store.set("items", id, {"size": id})
        assert await every_page(store, Query("items", order_by="size")) == [["Z", "a", "z", "é", "東"]]

    @pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
    @pytest.mark.parametrize("descending", [False, True])
    async def test_cursors_walk_all_pages_without_gap_or_repeat(
        self, store: DocumentStore, limit: int, descending: bool
    ) -> None:
        await self.fill(store)
        by_size = ["b", "c", "d", "e", "f", "a"]
        by_id = ["a", "b", "c", "d", "e", "f"]
        for order_by, expected in (("size", by_size), (None, by_id)):
            pages = await every_page(store, Query("items", (), order_by, descending, limit))
            assert [id for page in pages for id in page] == (expected[::-1] if descending else expected)
            assert all(0 < len(page) <= limit for page in pages)

    async def test_a_page_that_ends_with_the_last_document_has_no_cursor(self, store: DocumentStore) -> None:
        await self.fill(store)
        page = await store.query(Query("items", order_by="size", limit=6))
        assert page.next_cursor is None

    async def test_a_cursor_stays_put_when_documents_come_and_go(self, store: DocumentStore) -> None:
        await self.fill(store)
        first = await store.query(Query("items", order_by="size", limit=3))
        assert [d.id for d in first.documents] == ["b", "c", "d"]
        await store.set("items", "early", {"size": 0})
        await store.delete("items", "d")
        rest = await store.query(Query("items", order_by="size", limit=10, after=first.next_cursor))
        assert [d.id for d in rest.documents] == ["e", "f", "a"]

    async def test_a_limit_is_at_least_one(self, store: DocumentStore) -> None:
        with pytest.raises(ValueError, match="page"):
            await store.query(Query("items", limit=0))

    @pytest.mark.parametrize(
        "query",
        [
            Query("items", (Filter("weight", "==", 1),)),
            Query("items", order_by="weight"),
            Query("items", (Filter("colour", "==", "red"),), order_by="weight"),
            Query("items", (Filter("size", ">", 1),)),
            Query("items", (Filter("size", ">", 1),), order_by="colour"),
            Query("items", (Filter("colour", "==", "red"), Filter("sold", "==", True)), order_by="size"),
            Query("counters", order_by="value"),
        ],
    )
    async def test_a_query_without_an_index_is_refused(self, store: DocumentStore, query: Query) -> None:
        with pytest.raises(MissingIndex):
            await store.query(query)

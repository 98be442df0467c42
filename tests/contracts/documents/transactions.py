"""Transactions as every DocumentStore does them; part of `suite.DocumentStoreSuite`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from usher_shared.documents import AlreadyExists, Document, DocumentStore, Filter, Page, Query, Transaction

Opener = Callable[[], DocumentStore]


async def increment(store: DocumentStore, id: str) -> int:
    """Add one to a counter, as a caller would: read, then write."""

    async def fn(tx: Transaction) -> int:
        document = await tx.get("counters", id)
        value = (document["value"] if document else 0) + 1
        tx.set("counters", id, {"value": value})
        return int(value)

    return await store.transaction(fn)


class TransactionSuite:
    __test__ = False

    async def test_a_transaction_writes_all(self, store: DocumentStore) -> None:
        await store.set("items", "old", {"size": 1})

        async def fn(tx: Transaction) -> str:
            assert await tx.get("items", "old") == {"size": 1}
            tx.delete("items", "old")
            tx.create("items", "new", {"size": 2})
            tx.set("counters", "c", {"value": 1})
            return "result"

        assert await store.transaction(fn) == "result"
        assert await store.get("items", "old") is None
        assert await store.get("items", "new") == {"size": 2}
        assert await store.get("counters", "c") == {"value": 1}

    async def test_a_failing_transaction_writes_nothing_and_raises_its_own_error(self, store: DocumentStore) -> None:
        class Refused(Exception):
            pass

        async def fn(tx: Transaction) -> None:
            tx.set("items", "one", {"size": 1})
            raise Refused

        with pytest.raises(Refused):
            await store.transaction(fn)
        assert await store.get("items", "one") is None

    async def test_a_conflicting_create_undoes_the_whole_transaction(self, store: DocumentStore) -> None:
        await store.set("items", "taken", {"size": 1})

        async def fn(tx: Transaction) -> None:
            tx.set("items", "first", {"size": 2})
            tx.create("items", "taken", {"size": 3})
            tx.set("items", "last", {"size": 4})

        with pytest.raises(AlreadyExists):
            await store.transaction(fn)
        assert await store.query(Query("items")) == Page([Document("taken", {"size": 1})], None)

    async def test_a_failure_does_not_touch_transactions_beside_it(self, store: DocumentStore) -> None:
        async def fail(tx: Transaction) -> None:
            tx.set("counters", "failed", {"value": 1})
            raise LookupError

        results = await asyncio.gather(
            *(store.transaction(fail) if n % 3 == 0 else increment(store, f"c{n}") for n in range(30)),
            return_exceptions=True,
        )
        assert [isinstance(result, LookupError) for result in results] == [n % 3 == 0 for n in range(30)]
        found = [await store.get("counters", f"c{n}") for n in range(30) if n % 3]
        assert found == [{"value": 1}] * 20
        assert await store.get("counters", "failed") is None

    @pytest.mark.parametrize("read", ["get", "query"])
    async def test_a_read_after_a_write_is_refused(self, store: DocumentStore, read: str) -> None:
        async def fn(tx: Transaction) -> None:
            tx.set("items", "one", {"size": 1})
            if read == "get":
                await tx.get("items", "two")
            else:
                await tx.query(Query("items"))

        with pytest.raises(RuntimeError, match="reads before it writes"):
            await store.transaction(fn)
        assert await store.get("items", "one") is None

    async def test_a_read_only_transaction_returns_what_it_read(self, store: DocumentStore) -> None:
        for id, size in (("a", 3), ("c", 1), ("d", 2)):
            await store.set("items", id, {"colour": "red", "size": size})

        async def fn(tx: Transaction) -> list[str]:
            page = await tx.query(Query("items", (Filter("colour", "==", "red"),), "size"))
            return [d.id for d in page.documents]

        assert await store.transaction(fn) == ["c", "d", "a"]

    async def test_a_caller_reads_its_own_writes(self, store: DocumentStore) -> None:
        for n in range(20):
            await store.set("items", "one", {"size": n})
            assert await store.get("items", "one") == {"size": n}
            page = await store.query(Query("items", (Filter("size", ">=", n),), "size"))
            assert len(page.documents) == 1

    # concurrency

    async def test_no_update_is_lost(self, store: DocumentStore) -> None:
        results = await asyncio.gather(*(increment(store, "c") for _ in range(100)))
        assert sorted(results) == list(range(1, 101))
        assert await store.get("counters", "c") == {"value": 100}

    async def test_the_control_without_a_transaction_loses_updates(self, store: DocumentStore) -> None:
        async def careless() -> None:
            document = await store.get("counters", "c")
            await store.set("counters", "c", {"value": (document["value"] if document else 0) + 1})

        await asyncio.gather(*(careless() for _ in range(20)))
        document = await store.get("counters", "c")
        assert document is not None
        assert document["value"] < 20

    async def test_no_write_skew(self, opener: Opener, store: DocumentStore) -> None:
        """Two on duty, each may leave while the other stays: never both."""
        other = opener()
        try:
            for night in range(10):
                doctors = (f"{night}x", f"{night}y")
                for doctor in doctors:
                    await store.set("counters", doctor, {"on_duty": True})

                def leave(me: str, doctors: tuple[str, str] = doctors) -> Callable[[Transaction], Awaitable[bool]]:
                    async def fn(tx: Transaction) -> bool:
                        states = [await tx.get("counters", doctor) for doctor in doctors]
                        if sum(bool(state and state["on_duty"]) for state in states) < 2:
                            return False
                        tx.set("counters", me, {"on_duty": False})
                        return True

                    return fn

                left = await asyncio.gather(store.transaction(leave(doctors[0])), other.transaction(leave(doctors[1])))
                assert sorted(left) == [False, True]
        finally:
            await other.close()

    async def test_no_phantom_passes_a_query_in_a_transaction(self, opener: Opener, store: DocumentStore) -> None:
        """At most three red items: the check is a query, the violation would be an insert beside it."""
        other = opener()

        def add(id: str) -> Callable[[Transaction], Awaitable[bool]]:
            async def fn(tx: Transaction) -> bool:
                page = await tx.query(Query("items", (Filter("colour", "==", "red"),), "size"))
                if len(page.documents) >= 3:
                    return False
                tx.create("items", id, {"colour": "red", "size": 1})
                return True

            return fn

        try:
            added = await asyncio.gather(
                *((store, other)[n % 2].transaction(add(f"i{n}")) for n in range(20)),
            )
        finally:
            await other.close()
        assert sum(added) == 3
        page = await store.query(Query("items", (Filter("colour", "==", "red"),), "size"))
        assert len(page.documents) == 3

    async def test_transfers_keep_the_sum(self, store: DocumentStore) -> None:
        accounts = [f"a{n}" for n in range(5)]
        for account in accounts:
            await store.set("counters", account, {"value": 100})

        def transfer(source: str, target: str) -> Callable[[Transaction], Awaitable[None]]:
            async def fn(tx: Transaction) -> None:
                giver, taker = await tx.get("counters", source), await tx.get("counters", target)
                assert giver is not None
                assert taker is not None
                tx.set("counters", source, {"value": giver["value"] - 7})
                tx.set("counters", target, {"value": taker["value"] + 7})

            return fn

        await asyncio.gather(
            *(store.transaction(transfer(accounts[n % 5], accounts[(n * 2 + 1) % 5])) for n in range(60) if n % 5 != 4)
        )
        values = [(await store.get("counters", account) or {})["value"] for account in accounts]
        assert sum(values) == 500

    async def test_a_cancelled_caller_disturbs_nobody(self, store: DocumentStore) -> None:
        tasks = [asyncio.create_task(increment(store, "c")) for _ in range(40)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, int) for result in results[1::2])
        document = await store.get("counters", "c")
        assert document is not None
        # a cancelled call may or may not have taken effect; nobody else's was lost, none counted twice
        assert 20 <= document["value"] <= 40
        assert len(set(results[1::2])) == 20
        assert await increment(store, "c") == document["value"] + 1

    async def test_a_second_store_sees_what_the_first_wrote(self, opener: Opener, store: DocumentStore) -> None:
        await store.set("items", "one", {"size": 1})
        other = opener()
        try:
            assert await other.get("items", "one") == {"size": 1}
            await other.set("items", "two", {"size": 2})
        finally:
            await other.close()
        assert await store.get("items", "two") == {"size": 2}

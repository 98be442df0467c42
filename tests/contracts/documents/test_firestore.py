"""The DocumentStore contract on Firestore, against the official emulator, and what a server far away has to add."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from google.cloud.firestore_v1 import AsyncClient

from contracts.documents.firestore_proxy import LossyProxy, lossy_proxy
from contracts.documents.suite import COLLECTIONS, DocumentStoreSuite
from contracts.documents.transactions import Opener, increment
from emulators.google import firestore_emulator
from served import HOST, free_port
from usher_shared.documents import AlreadyExists, Contention, Filter, MissingIndex, Query, Transaction
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.documents.firestore_transaction import FirestoreTransaction
from usher_shared.errors import Unavailable

DATABASE = "usher-test"


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with firestore_emulator() as address:
        yield address


@pytest.fixture
def project() -> str:
    return f"p-{secrets.token_hex(6)}"


class TestFirestore(DocumentStoreSuite):
    __test__ = True

    @pytest.fixture
    def opener(self, emulator: str, project: str) -> Opener:
        return lambda: FirestoreDocumentStore(project, DATABASE, COLLECTIONS, emulator=emulator)


@pytest.fixture
async def store(emulator: str, project: str) -> AsyncIterator[FirestoreDocumentStore]:
    store = FirestoreDocumentStore(project, DATABASE, COLLECTIONS, emulator=emulator)
    yield store
    await store.close()


@pytest.fixture
async def raw(emulator: str, project: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    """Google's own client on the same database: another program, which shares no lock with the store."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    client = AsyncClient(project=project, database=DATABASE)
    yield client
    await client._firestore_api.transport.close()


@pytest.fixture
async def proxy(emulator: str) -> AsyncIterator[tuple[LossyProxy, str]]:
    async with lossy_proxy(emulator) as proxy:
        yield proxy


@pytest.fixture
async def unsure(proxy: tuple[LossyProxy, str], project: str) -> AsyncIterator[FirestoreDocumentStore]:
    """A store whose way to the emulator is the proxy."""
    store = FirestoreDocumentStore(project, DATABASE, COLLECTIONS, emulator=proxy[1])
    yield store
    await store.close()


# what is stored


async def test_the_end_of_life_is_a_time_for_the_server_and_text_for_the_caller(
    store: FirestoreDocumentStore, raw: AsyncClient
) -> None:
    data = {"expires_at": "2026-11-20T18:00:00.000000Z"}
    await store.set("visits", "v", data)
    found = (await raw.collection("visits").document("v").get()).to_dict()
    assert found is not None
    assert found["_ttl"].isoformat() == "2026-11-20T18:00:00+00:00"
    assert await store.get("visits", "v") == data


@pytest.mark.parametrize(
    "data", [{"": 1, "_ttl": 2, "=": 3, "__x__": 4}, {"lists": [[1, [2.0, []]], [{}], {"_list": []}]}]
)
async def test_what_firestore_refuses_is_stored_in_other_words(
    store: FirestoreDocumentStore, data: dict[str, Any]
) -> None:
    await store.set("items", "odd", data)
    assert await store.get("items", "odd") == data


@pytest.mark.parametrize("id", [".", "..", "__x__", "=x", "東" * 500])
async def test_ids_that_firestore_refuses_are_ids(store: FirestoreDocumentStore, id: str) -> None:
    await store.create("items", id, {"size": 1})
    page = await store.query(Query("items", (Filter("size", ">", 0),), "size"))
    assert [d.id for d in page.documents] == [id]


async def test_a_document_that_firestore_finds_too_large_is_refused(store: FirestoreDocumentStore) -> None:
    """Less than 1 MiB as JSON, more as Firestore counts: a number has eight bytes."""
    with pytest.raises(ValueError, match="limit"):
        await store.set("items", "big", {"list": [0] * 400_000})


async def test_null_is_no_value_to_order_by(store: FirestoreDocumentStore) -> None:
    await store.set("items", "null", {"size": None})
    await store.set("items", "sized", {"size": 1})
    page = await store.query(Query("items", order_by="size"))
    assert [d.id for d in page.documents] == ["sized"]


async def test_a_store_knows_the_collections_of_its_database_alone(emulator: str, project: str) -> None:
    store = FirestoreDocumentStore(project, "usher-agent", emulator=emulator)
    assert await store.get("agent_turns", "t") is None
    with pytest.raises(MissingIndex):
        await store.get("orders", "o")
    await store.close()


# what it costs


async def test_reads_and_writes_are_counted_as_they_are_billed(store: FirestoreDocumentStore) -> None:
    await store.create("items", "a", {"size": 1})
    await store.set("items", "b", {"size": 2})
    await store.get("items", "a")
    await store.get("items", "none")
    await store.query(Query("items", order_by="size"))
    await store.query(Query("items", (Filter("size", ">", 9),), "size"))
    await increment(store, "c")
    await store.delete("items", "a")
    usage = store.usage
    assert (usage.reads, usage.writes, usage.deletes) == (1 + 1 + 2 + 1 + 1, 2 + 1, 1)
    assert (usage.conflicts, usage.deadlocks) == (0, 0)


# conflicts


async def test_transactions_of_one_process_do_not_meet_at_the_server(store: FirestoreDocumentStore) -> None:
    def add(id: str) -> Any:
        async def fn(tx: Transaction) -> None:
            await tx.query(Query("items", (Filter("colour", "==", id),), "size"))
            counter = await tx.get("counters", "all")
            tx.create("items", id, {"colour": id, "size": 1})
            tx.set("counters", "all", {"value": counter["value"] + 1 if counter else 1})

        return fn

    await asyncio.gather(*(store.transaction(add(f"i{n}")) for n in range(40)))
    assert await store.get("counters", "all") == {"value": 40}
    assert store.usage.conflicts == 0


async def test_another_programs_lock_is_outlived(store: FirestoreDocumentStore, raw: AsyncClient) -> None:
    await store.set("counters", "c", {"value": 1})
    theirs = raw.transaction()
    await theirs._begin()
    await raw.collection("counters").document("c").get(transaction=theirs)
    runs = 0

    async def fn(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        if runs == 2:  # the server has refused the first
            await theirs._rollback()
        document = await tx.get("counters", "c")
        assert document is not None
        tx.set("counters", "c", {"value": document["value"] + 1})

    await store.transaction(fn)
    assert (runs, store.usage.conflicts) == (2, 1)
    assert await store.get("counters", "c") == {"value": 2}


async def test_a_transaction_that_the_server_has_ended_runs_again(store: FirestoreDocumentStore) -> None:
    await store.set("counters", "c", {"value": 1})
    runs = 0

    async def fn(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        document = await tx.get("counters", "c")
        assert document is not None
        assert isinstance(tx, FirestoreTransaction)
        if runs == 1:  # as after a minute without a call
            await store._connection.rollback(tx.server_id)
        tx.set("counters", "c", {"value": document["value"] + 1})

    await store.transaction(fn)
    assert runs == 2
    assert await store.get("counters", "c") == {"value": 2}


async def test_contention_is_raised_when_patience_ends(emulator: str, project: str, raw: AsyncClient) -> None:
    store = FirestoreDocumentStore(project, DATABASE, COLLECTIONS, emulator=emulator, patience_seconds=0.5)
    await store.set("counters", "c", {"value": 1})
    theirs = raw.transaction()
    await theirs._begin()
    await raw.collection("counters").document("c").get(transaction=theirs)
    with pytest.raises(Contention):
        await increment(store, "c")
    await theirs._rollback()
    assert await increment(store, "c") == 2
    await store.close()


async def test_a_transaction_cancelled_in_its_first_read_leaves_nothing_locked(
    proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore
) -> None:
    await unsure.set("counters", "c", {"value": 1})
    proxy[0].open.clear()
    task = asyncio.create_task(unsure.transaction(lambda tx: tx.get("counters", "c")))
    await proxy[0].held.wait()  # the server has begun the transaction, the store does not know it yet
    task.cancel()
    proxy[0].open.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await increment(unsure, "c") == 2
    assert unsure.usage.conflicts == 0


async def test_a_cancelled_transaction_leaves_nothing_locked(store: FirestoreDocumentStore, raw: AsyncClient) -> None:
    await store.set("counters", "c", {"value": 1})
    reading, forever = asyncio.Event(), asyncio.Event()

    async def fn(tx: Transaction) -> None:
        await tx.get("counters", "c")
        reading.set()
        await forever.wait()

    task = asyncio.create_task(store.transaction(fn))
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await raw.collection("counters").document("c").set({"value": 5}, retry=None)  # fails at the first lock timeout
    assert await increment(store, "c") == 6


# lost answers


async def test_a_create_whose_answer_is_lost_does_not_meet_itself(
    proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore
) -> None:
    proxy[0].lose_answers["Commit"] = 1
    await unsure.create("items", "a", {"size": 1})
    assert await unsure.get("items", "a") == {"size": 1}


async def test_a_create_of_anothers_document_is_refused_though_an_answer_is_lost(
    proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore
) -> None:
    await unsure.create("items", "a", {"size": 1})
    proxy[0].lose_answers["Commit"] = 1
    with pytest.raises(AlreadyExists):
        await unsure.create("items", "a", {"size": 2})
    assert await unsure.get("items", "a") == {"size": 1}


async def test_a_create_that_never_arrived_is_sent_again(
    proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore
) -> None:
    proxy[0].lose_requests["Commit"] = 2
    await unsure.create("items", "a", {"size": 1})
    assert await unsure.get("items", "a") == {"size": 1}


@pytest.mark.parametrize("before", [None, 7])
async def test_a_transaction_whose_answer_is_lost_has_happened_once(
    proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore, before: int | None
) -> None:
    if before is not None:
        await unsure.set("counters", "c", {"value": before})
    proxy[0].lose_answers["Commit"] = 1
    assert await increment(unsure, "c") == (before or 0) + 1
    assert await unsure.get("counters", "c") == {"value": (before or 0) + 1}


async def test_a_transaction_that_never_arrived_runs_again(
    proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore
) -> None:
    await unsure.set("counters", "c", {"value": 1})
    proxy[0].lose_requests["Commit"] = 1
    assert await increment(unsure, "c") == 2
    assert await unsure.get("counters", "c") == {"value": 2}


async def test_what_nobody_can_tell_is_said(proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore) -> None:
    await unsure.set("counters", "c", {"value": 1})
    proxy[0].lose_answers["Commit"] = proxy[0].lose_requests["Rollback"] = 100
    with pytest.raises(Unavailable, match="not known"):
        await increment(unsure, "c")
    assert proxy[0].seen["Commit"] == 2, "the function ran again though its first run may have been written"
    proxy[0].lose_answers.clear()
    proxy[0].lose_requests.clear()
    assert await unsure.get("counters", "c") == {"value": 2}


async def test_a_lost_read_is_asked_again(proxy: tuple[LossyProxy, str], unsure: FirestoreDocumentStore) -> None:
    await unsure.set("counters", "c", {"value": 1})
    proxy[0].lose_requests["BatchGetDocuments"] = 2
    assert await unsure.get("counters", "c") == {"value": 1}
    proxy[0].lose_requests["BatchGetDocuments"] = 2
    assert await increment(unsure, "c") == 2


# outages


async def test_without_a_server_every_call_says_so_and_recovers_with_it(emulator: str, project: str) -> None:
    address = f"{HOST}:{free_port()}"
    store = FirestoreDocumentStore(project, DATABASE, COLLECTIONS, emulator=address)
    attempts = (
        store.ping(),
        store.get("items", "a"),
        store.query(Query("items")),
        store.set("items", "a", {}),
        increment(store, "c"),
    )
    for attempt in attempts:
        with pytest.raises(Unavailable):
            await attempt
    async with lossy_proxy(emulator, address):
        async with asyncio.timeout(20):
            while True:
                try:
                    await store.ping()
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)
        assert await increment(store, "c") == 1
    await store.close()


async def test_opening_a_store_reaches_for_nothing(project: str) -> None:
    store = FirestoreDocumentStore(project, DATABASE, COLLECTIONS)  # no emulator, and no credentials here
    await store.close()

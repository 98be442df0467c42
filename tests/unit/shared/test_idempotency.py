"""Idempotency records: one execution per key, its answer replayed, a crash survived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from usher_shared.clock import ManualClock
from usher_shared.documents import Transaction
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import InvalidRequest
from usher_shared.idempotency import IdempotencyRecords, InFlight, KeyReused, Lease, Replay

SCOPE = ("client_web", "cust_42", "POST /tools/create_order")
BODY = b'{"hold_id":"HOLD_1"}'


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 20, 12, tzinfo=UTC))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteDocumentStore]:
    store = SqliteDocumentStore(tmp_path / "tools.db")
    yield store
    await store.close()


@pytest.fixture
def records(store: SqliteDocumentStore, clock: ManualClock) -> IdempotencyRecords:
    return IdempotencyRecords(store, clock, lease=timedelta(seconds=60))


async def leased(records: IdempotencyRecords, key: str = "k", scope: tuple[str, ...] = SCOPE) -> Lease:
    begun = await records.begin(scope, key, BODY)
    assert isinstance(begun, Lease)
    return begun


async def test_of_fifty_at_once_one_executes(records: IdempotencyRecords) -> None:
    begun = await asyncio.gather(*(records.begin(SCOPE, "k", BODY) for _ in range(50)), return_exceptions=True)
    leases = [b for b in begun if isinstance(b, Lease)]
    assert len(leases) == 1
    others = [b for b in begun if isinstance(b, InFlight)]
    assert len(others) == 49
    assert all(other.http_status == 409 and other.retry_after_seconds for other in others)
    await records.finish_alone(leases[0], 201, {"order_id": "ORD_1"})
    replays = await asyncio.gather(*(records.begin(SCOPE, "k", BODY) for _ in range(50)))
    assert replays == [Replay(201, {"order_id": "ORD_1"})] * 50


async def test_effect_and_answer_are_written_together(records: IdempotencyRecords, store: SqliteDocumentStore) -> None:
    lease = await leased(records)

    async def fail(tx: Transaction) -> None:
        await records.check(tx, lease)
        tx.set("outbox", "effect", {"created_at": "x"})
        records.finish(tx, lease, 200, {})
        raise LookupError

    with pytest.raises(LookupError):
        await store.transaction(fail)
    assert await store.get("outbox", "effect") is None
    with pytest.raises(InFlight):
        await records.begin(SCOPE, "k", BODY)


@pytest.mark.parametrize("status", [200, 409, 500])
async def test_any_recorded_answer_is_replayed(records: IdempotencyRecords, status: int) -> None:
    await records.finish_alone(await leased(records), status, {"code": "seats_taken", "list": [1, None]})
    assert await records.begin(SCOPE, "k", BODY) == Replay(status, {"code": "seats_taken", "list": [1, None]})


@pytest.mark.parametrize("finished", [False, True])
async def test_another_body_under_the_key_is_refused(records: IdempotencyRecords, finished: bool) -> None:
    lease = await leased(records)
    if finished:
        await records.finish_alone(lease, 200, {})
    with pytest.raises(KeyReused) as caught:
        await records.begin(SCOPE, "k", BODY + b" ")
    assert caught.value.http_status == 422


@pytest.mark.parametrize(
    "scope",
    [
        ("client_app", "cust_42", "POST /tools/create_order"),
        ("client_web", "cust_43", "POST /tools/create_order"),
        ("client_web", "cust_42", "POST /tools/refund_order"),
        ("client_webcust_42", "", "POST /tools/create_order"),
    ],
)
async def test_scopes_are_apart(records: IdempotencyRecords, scope: tuple[str, ...]) -> None:
    await records.finish_alone(await leased(records), 200, {"mine": True})
    await leased(records, scope=scope)


async def test_a_crash_in_flight_is_taken_over_when_the_lease_ends(
    records: IdempotencyRecords, clock: ManualClock
) -> None:
    crashed = await leased(records)
    clock.advance(timedelta(seconds=59))
    with pytest.raises(InFlight):
        await records.begin(SCOPE, "k", BODY)
    clock.advance(timedelta(seconds=1))
    successor = await leased(records)
    assert successor.owner != crashed.owner
    # the first was not dead after all: it must not act, nor undo the successor
    with pytest.raises(InFlight):
        await records.finish_alone(crashed, 200, {"late": True})
    await records.abandon(crashed)
    await records.finish_alone(successor, 200, {"order_id": "ORD_1"})
    with pytest.raises(InFlight):
        await records.finish_alone(crashed, 200, {"late": True})
    assert await records.begin(SCOPE, "k", BODY) == Replay(200, {"order_id": "ORD_1"})


async def test_of_many_taking_over_one_does(records: IdempotencyRecords, clock: ManualClock) -> None:
    await leased(records)
    clock.advance(timedelta(seconds=61))
    begun = await asyncio.gather(*(records.begin(SCOPE, "k", BODY) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(b, Lease) for b in begun) == 1
    assert sum(isinstance(b, InFlight) for b in begun) == 19


async def test_an_abandoned_key_may_be_used_again_even_with_another_body(records: IdempotencyRecords) -> None:
    await records.abandon(await leased(records))
    assert isinstance(await records.begin(SCOPE, "k", b"other"), Lease)


async def test_a_finished_key_cannot_be_abandoned(records: IdempotencyRecords) -> None:
    lease = await leased(records)
    await records.finish_alone(lease, 200, {})
    await records.abandon(lease)
    assert await records.begin(SCOPE, "k", BODY) == Replay(200, {})


async def test_an_answer_lives_for_a_day(records: IdempotencyRecords, clock: ManualClock) -> None:
    await records.finish_alone(await leased(records), 200, {})
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert await records.begin(SCOPE, "k", BODY) == Replay(200, {})
    clock.advance(timedelta(seconds=1))
    assert isinstance(await records.begin(SCOPE, "k", b"other"), Lease)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x1fb", "line\nbreak"])
async def test_a_malformed_key_is_refused(records: IdempotencyRecords, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await records.begin(SCOPE, key, BODY)

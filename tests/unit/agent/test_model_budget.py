"""What models may cost: in a conversation, on a day, over processes and restarts."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from usher_agent.models.budget import Budget
from usher_agent.models.ports import Completion
from usher_agent.models.prices import NANOS
from usher_shared.clock import ManualClock
from usher_shared.documents import DocumentStore
from usher_shared.documents.sqlite import SqliteDocumentStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 20, 23, 0, tzinfo=UTC))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DocumentStore]:
    store = SqliteDocumentStore(tmp_path / "agent.db")
    yield store
    await store.close()


@pytest.fixture
def budget(store: DocumentStore, clock: ManualClock) -> Any:
    def make(owner: str = "a", conversation: float | None = None, day: float | None = None) -> Budget:
        return Budget(store, clock, owner=owner, conversation_usd=conversation, daily_usd=day)

    return make


def cost(dollars: float) -> Completion:
    return Completion("Yes.", charged_nanos=round(dollars * NANOS))


async def test_without_limits_nothing_is_ever_spent(budget: Any) -> None:
    free = budget()
    free.add(cost(1e6), NANOS)
    assert not free.is_spent(10**18)


async def test_a_conversation_has_its_own_limit(budget: Any, caplog: pytest.LogCaptureFixture) -> None:
    limited = budget(conversation=0.01)
    with caplog.at_level(logging.INFO):
        for spent in (4_000_000, 8_000_000, 12_000_000, 16_000_000):
            limited.add(cost(0.004), spent)
    assert [limited.is_spent(nanos) for nanos in (0, 9_999_999, 10_000_000)] == [False, False, True]
    assert len([r for r in caplog.records if "conversation's budget" in r.message]) == 1


async def test_a_days_limit_holds_over_processes_and_restarts(
    budget: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = budget("a", day=1.0), budget("b", day=1.0)
    first.add(cost(0.6), 0)
    second.add(cost(0.5), 0)
    assert not first.is_spent(0)
    for process in (first, second, first):
        await process.exchange()
    for _ in range(3):
        assert first.is_spent(0)
    assert second.is_spent(0)
    assert len([r for r in caplog.records if "day's budget" in r.message]) == 2  # once a process
    restarted = budget("c", day=1.0)
    await restarted.start()
    assert restarted.is_spent(0)
    await restarted.stop()
    clock.advance(timedelta(hours=2))  # another day
    assert not first.is_spent(0)
    await first.exchange()
    assert not first.is_spent(0)


async def test_what_was_spent_last_is_written_at_the_end(budget: Any) -> None:
    first = budget("a", day=1.0)
    await first.start()
    first.add(cost(2.0), 0)
    await first.stop()
    second = budget("b", day=1.0)
    await second.exchange()
    assert second.is_spent(0)


async def test_a_conversation_that_has_cost_enough_gets_what_costs_nothing(make_world: Any) -> None:
    world = await make_world(conversation_budget_usd=0.005)
    dear = Completion("Yes.", model="dear", cost_nanos=3_000_000, charged_nanos=3_000_000)
    world.model.script += [dear, dear, dear]
    for _ in range(3):
        body = await world.customer.say("and?", "c1")
    assert body["usage"]["cost_usd"] == 0.003
    await world.customer.say("hello", "c2")
    assert [request.free_only for request in world.model.requests] == [False, False, True, False]
    events = await world.events("chat_turn_completed")
    assert [event.data.get("cost_nanos") for event in events] == [3_000_000, 3_000_000, 3_000_000, None]

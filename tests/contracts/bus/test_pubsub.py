"""The bus on Pub/Sub: the contract, on the official emulator with real pushes.

The emulator does not tell a subscriber's backlog, ignores backoff (it tries again each second) and filters, sends no
token, keeps its state in memory, and loses an ordered message that it should bury: dead letters are therefore tested
on subscriptions without ordering.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.bus.pubsub_bench import Emulator, PubSubBench
from contracts.bus.subscriber import until
from contracts.bus.suite import MAX_ATTEMPTS, TOPOLOGY, Bench, BusSuite, error_event
from usher_shared.bus.pubsub_topology import ensure_topology

# the one way to look without waiting
pytestmark = pytest.mark.filterwarnings("ignore:The return_immediately flag:DeprecationWarning")
UNORDERED = TOPOLOGY.model_copy(
    update={
        "subscriptions": tuple(s.model_copy(update={"enable_message_ordering": False}) for s in TOPOLOGY.subscriptions)
    }
)


@pytest.fixture
async def bench(emulator: Emulator) -> AsyncIterator[PubSubBench]:
    bench = PubSubBench(emulator, TOPOLOGY, dead_letters=False)
    await bench.start()
    yield bench
    await bench.close()


@pytest.fixture
async def burying_bench(emulator: Emulator) -> AsyncIterator[PubSubBench]:
    bench = PubSubBench(emulator, UNORDERED, dead_letters=True)
    await bench.start()
    yield bench
    await bench.close()


class TestPubSubBus(BusSuite):
    __test__ = True

    async def test_poison_is_buried_after_the_last_attempt_and_neighbours_go_on(  # type: ignore[override]
        self, burying_bench: PubSubBench
    ) -> None:
        await super().test_poison_is_buried_after_the_last_attempt_and_neighbours_go_on(burying_bench)

    async def test_a_redrive_delivers_once_however_often_it_is_asked_for(  # type: ignore[override]
        self, burying_bench: PubSubBench
    ) -> None:
        """Pub/Sub redrives by publishing again: every subscription of the topic has it once more, and deduplicates."""
        bench = burying_bench
        poison = error_event("a")
        bench.logger.poison[poison.id] = RuntimeError("until the fix is out")
        await bench.bus.publish([poison])
        (dead,) = await bench.dead_letters(at_least=1)
        bench.logger.poison.clear()
        bench.logger.seen.clear()
        await asyncio.gather(*(bench.redrive(dead) for _ in range(5)))
        await bench.logger.until_handled(poison.id)
        await bench.webhooks.until_seen(poison.id, times=2)
        await bench.redrive(dead)
        await bench.until_idle()
        assert bench.logger.seen == [poison.id]
        assert bench.webhooks.seen == [poison.id] * 2

    @pytest.mark.xfail(strict=True, raises=TimeoutError, reason="the emulator keeps messages in memory")
    async def test_undelivered_events_outlive_a_restart_of_the_bus(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("contracts.bus.subscriber.PATIENCE_SECONDS", 4.0)
        await super().test_undelivered_events_outlive_a_restart_of_the_bus(bench)


@pytest.mark.xfail(strict=True, raises=TimeoutError, reason="the emulator loses an ordered message it should bury")
async def test_an_ordered_poison_is_buried(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.bus.subscriber.PATIENCE_SECONDS", MAX_ATTEMPTS + 3.0)
    bench = PubSubBench(emulator, TOPOLOGY, dead_letters=True)
    await bench.start()
    try:
        poison, behind = error_event("a"), error_event("a")
        bench.logger.poison[poison.id] = RuntimeError("always")
        await bench.bus.publish([poison, behind])
        await bench.logger.until_handled(behind.id)
    finally:
        await bench.close()


async def test_a_subscriber_gets_the_emulators_pushes_with_the_secret_alone(bench: PubSubBench) -> None:
    """The control: without the secret in its URL a push is refused, and delivered once the URL has it."""
    urls = {"logger": bench.logger.server.url, "webhooks": bench.webhooks.server.url}
    changed = await ensure_topology(
        bench.project,
        TOPOLOGY,
        lambda service, path: urls[service] + path + "?token=wrong",
        dead_letters=False,
        emulator_host=bench.emulator.address,
    )
    assert changed == [f"changed subscription {s.name}: push_config" for s in TOPOLOGY.subscriptions]
    sent = error_event("a")
    await bench.bus.publish([sent])
    await until(lambda: bench.webhooks.refused > 0, bench.webhooks.changed)
    assert bench.webhooks.seen == bench.logger.seen == []
    await bench.set_up()
    await bench.webhooks.until_handled(sent.id)
    await bench.logger.until_handled(sent.id)

"""What every event bus does. An adapter's test subclasses `BusSuite` with the fixture `bench`."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pytest

from contracts.bus.subscriber import Subscriber
from usher_shared.bus import EventBus
from usher_shared.errors import Unavailable, UsherError
from usher_shared.events import Event, InvalidEvent, Subscription, Topic
from usher_shared.events.catalogue import ErrorOccurred, FeedbackReceived
from usher_shared.events.envelope import event
from usher_shared.events.topics import Topology

MAX_ATTEMPTS = 5  # the least that Pub/Sub can do
TOPOLOGY = Topology(
    topics=tuple(
        Topic(name=name, dead_letter_topic=f"{name}_dead_letter") for name in ("error_occurred", "feedback_received")
    ),
    subscriptions=tuple(
        Subscription(
            name=f"{service}-{topic}",
            topic=topic,
            service=service,
            path="/push",
            ack_deadline_seconds=10,
            minimum_backoff_seconds=0.02,
            maximum_backoff_seconds=0.1,
            max_delivery_attempts=MAX_ATTEMPTS,
            enable_message_ordering=True,
            filter=f'attributes.type = "usher.{topic}.v1"',
        )
        for service, topic in (
            ("logger", "error_occurred"),
            ("logger", "feedback_received"),
            ("webhooks", "error_occurred"),
        )
    ),
)
_count = itertools.count(1)


def error_event(key: str | None = None, id: str | None = None) -> Event:
    """A fresh event on the topic `error_occurred`."""
    return event(
        id=id or f"EVT_{next(_count):06d}",
        type="usher.error_occurred.v1",
        source="usher/tools",
        time=datetime.now(UTC),
        data=ErrorOccurred(service="tools", code="payment_unknown", detail="the processor did not answer"),
        ordering_key=key,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    )


def feedback_event(key: str | None = None) -> Event:
    """A fresh event on the topic `feedback_received`."""
    return event(
        id=f"EVT_{next(_count):06d}",
        type="usher.feedback_received.v1",
        source="usher/gateway",
        time=datetime.now(UTC),
        data=FeedbackReceived(conversation_id="c", message_id="m", customer_id="u", rating=1),
        ordering_key=key,
    )


@dataclass(frozen=True)
class DeadLetter:
    """`id` is the bus's own name for it."""

    id: str
    event_id: str | None
    topic: str
    subscription: str
    attempts: int
    reason: str


class Bench(Protocol):
    """A running bus with TOPOLOGY and its two subscribers, both listening."""

    bus: EventBus
    logger: Subscriber
    webhooks: Subscriber
    buries_invalid_at_once: bool
    tells_why_buried: bool
    in_flight: int
    """Deliveries to one subscription at once."""

    async def dead_letters(self, at_least: int = 0) -> Sequence[DeadLetter]:
        """All of them, once there are that many."""
        ...

    async def redrive(self, dead_letter: DeadLetter) -> None: ...

    async def until_idle(self) -> None:
        """Wait until nothing is left to deliver."""
        ...

    async def stop_bus(self) -> None: ...

    async def start_bus(self) -> None: ...


class BusSuite:
    __test__ = False

    async def test_a_published_event_arrives_as_it_was(self, bench: Bench) -> None:
        sent = error_event("order-1")
        await bench.bus.publish([sent])
        await bench.logger.until_handled(sent.id)
        assert bench.logger.events == [sent]

    async def test_every_subscription_of_the_topic_gets_it_and_no_other(self, bench: Bench) -> None:
        error, feedback = error_event(), feedback_event()
        await bench.bus.publish([error, feedback])
        await bench.logger.until_handled(error.id, feedback.id)
        await bench.webhooks.until_handled(error.id)
        await bench.until_idle()
        assert bench.webhooks.seen == [error.id]
        assert sorted(bench.logger.seen) == sorted([error.id, feedback.id])

    async def test_a_filter_holds_back_what_the_subscriber_was_not_written_for(self, bench: Bench) -> None:
        later = error_event("a").model_copy(update={"type": "usher.error_occurred.v2"})
        sent = error_event("a")
        await bench.bus.publish([later, sent])
        await bench.logger.until_handled(sent.id)
        await bench.webhooks.until_handled(sent.id)
        await bench.until_idle()
        assert bench.logger.seen == bench.webhooks.seen == [sent.id]
        assert await bench.dead_letters() == []

    async def test_publishing_nothing_is_nothing(self, bench: Bench) -> None:
        await bench.bus.publish([])
        await bench.until_idle()
        assert bench.logger.seen == []

    async def test_many_events_all_arrive_once(self, bench: Bench) -> None:
        sent = [error_event(f"k{n % 7}") for n in range(150)] + [feedback_event() for _ in range(50)]
        await asyncio.gather(*(bench.bus.publish(sent[n::4]) for n in range(4)))
        await bench.logger.until_handled(*(e.id for e in sent))
        await bench.until_idle()
        assert sorted(bench.logger.seen) == sorted(e.id for e in sent)

    @pytest.mark.parametrize("error", [RuntimeError("bug"), Unavailable("later"), UsherError("conflict")])
    async def test_what_was_not_acknowledged_is_delivered_again(self, bench: Bench, error: Exception) -> None:
        sent = error_event()
        bench.logger.failures[sent.id].extend([error, error])
        await bench.bus.publish([sent])
        await bench.logger.until_handled(sent.id)
        await bench.until_idle()
        assert bench.logger.seen == [sent.id] * 3
        assert bench.webhooks.seen == [sent.id]
        assert await bench.dead_letters() == []

    async def test_one_key_is_delivered_in_order_whatever_fails(self, bench: Bench) -> None:
        sent = [error_event(f"k{n % 3}") for n in range(30)]
        for e in sent[::4]:
            bench.logger.failures[e.id].append(RuntimeError("once"))
        await bench.bus.publish(sent)
        await bench.logger.until_handled(*(e.id for e in sent))
        for key in range(3):
            own = [e.id for e in sent[key::3]]
            assert [id for id in bench.logger.handled if id in own] == own

    async def test_a_failing_head_blocks_only_its_key(self, bench: Bench) -> None:
        head, behind, other, keyless = error_event("a"), error_event("a"), error_event("b"), error_event()
        bench.logger.gates[head.id] = asyncio.Event()
        bench.logger.failures[head.id].append(RuntimeError("once"))
        await bench.bus.publish([head, behind, other, keyless])
        await bench.logger.until_seen(head.id)
        await bench.logger.until_handled(other.id, keyless.id)
        assert behind.id not in bench.logger.seen
        bench.logger.gates[head.id].set()
        await bench.logger.until_handled(head.id, behind.id)
        assert bench.logger.seen.index(behind.id) > max(n for n, id in enumerate(bench.logger.seen) if id == head.id)

    async def test_different_keys_are_delivered_side_by_side(self, bench: Bench) -> None:
        bench.logger.barrier = min(8, bench.in_flight)
        sent = [error_event(f"k{n}") for n in range(8)]
        await bench.bus.publish(sent)
        await bench.logger.until_handled(*(e.id for e in sent))
        assert bench.logger.most_in_hand >= bench.logger.barrier

    async def test_deliveries_in_flight_are_bounded(self, bench: Bench) -> None:
        bench.logger.barrier = bench.in_flight
        sent = [error_event() for _ in range(60)]
        await bench.bus.publish(sent)
        await bench.logger.until_handled(*(e.id for e in sent))
        assert bench.logger.most_in_hand == bench.in_flight

    async def test_poison_is_buried_after_the_last_attempt_and_neighbours_go_on(self, bench: Bench) -> None:
        poison, behind, other = error_event("a"), error_event("a"), error_event("b")
        bench.logger.poison[poison.id] = RuntimeError("always")
        await bench.bus.publish([poison, behind, other])
        await bench.logger.until_handled(other.id, behind.id)
        (dead,) = await bench.dead_letters(at_least=1)
        await bench.until_idle()
        assert bench.logger.seen.count(poison.id) == MAX_ATTEMPTS
        assert dead.event_id == poison.id
        assert dead.topic == "error_occurred_dead_letter"
        assert dead.subscription == "logger-error_occurred"
        assert dead.attempts == MAX_ATTEMPTS
        if bench.tells_why_buried:
            assert "500" in dead.reason
        assert bench.webhooks.handled.count(poison.id) == 1

    async def test_what_can_never_be_processed_is_buried_at_once(self, bench: Bench) -> None:
        if not bench.buries_invalid_at_once:
            pytest.skip("this bus counts every refusal alike")
        invalid, behind = error_event("a"), error_event("a")
        bench.logger.poison[invalid.id] = InvalidEvent("the order has no seats")
        await bench.bus.publish([invalid, behind])
        await bench.logger.until_handled(behind.id)
        (dead,) = await bench.dead_letters(at_least=1)
        assert bench.logger.seen.count(invalid.id) == 1
        assert dead.event_id == invalid.id
        assert "the order has no seats" in dead.reason

    async def test_a_redrive_delivers_once_however_often_it_is_asked_for(self, bench: Bench) -> None:
        poison = error_event("a")
        bench.logger.poison[poison.id] = RuntimeError("until the fix is out")
        await bench.bus.publish([poison])
        (dead,) = await bench.dead_letters(at_least=1)
        bench.logger.poison.clear()
        bench.logger.seen.clear()
        await asyncio.gather(*(bench.redrive(dead) for _ in range(5)))
        await bench.logger.until_handled(poison.id)
        await bench.redrive(dead)
        await bench.until_idle()
        assert bench.logger.seen == [poison.id]
        assert bench.webhooks.seen == [poison.id]

    async def test_a_subscriber_that_is_down_loses_nothing(self, bench: Bench) -> None:
        await bench.logger.server.stop()
        sent = [error_event(f"k{n % 3}") for n in range(20)]
        await bench.bus.publish(sent)
        await bench.webhooks.until_handled(*(e.id for e in sent))
        await bench.logger.server.start()
        await bench.logger.until_handled(*(e.id for e in sent))
        await bench.until_idle()
        assert await bench.dead_letters() == []
        for key in range(3):
            own = [e.id for e in sent[key::3]]
            assert [id for id in bench.logger.handled if id in own] == own

    async def test_a_bus_that_is_down_says_so_and_takes_the_events_later(self, bench: Bench) -> None:
        sent = error_event()
        await bench.stop_bus()
        with pytest.raises(Unavailable):
            await bench.bus.publish([sent])
        with pytest.raises(Unavailable):
            await bench.bus.ping()
        await bench.start_bus()
        await bench.bus.publish([sent])
        await bench.logger.until_handled(sent.id)

    async def test_undelivered_events_outlive_a_restart_of_the_bus(self, bench: Bench) -> None:
        await bench.logger.server.stop()
        sent = [error_event("a") for _ in range(5)]
        await bench.bus.publish(sent)
        await bench.webhooks.until_handled(*(e.id for e in sent))
        await bench.stop_bus()
        await bench.start_bus()
        await bench.logger.server.start()
        await bench.logger.until_handled(*(e.id for e in sent))
        await bench.until_idle()
        assert bench.logger.handled == [e.id for e in sent]
        assert await bench.dead_letters() == []

"""The bus: takes messages durably, hands them to the subscriptions' dispatchers, answers operators."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from usher_local.bus import store as works
from usher_local.bus.dispatcher import Dispatcher
from usher_local.bus.model import (
    Backlog,
    Chaos,
    DeadLetterList,
    DeadLetterView,
    Delivery,
    Message,
    PublishedEvent,
    PublishedEvents,
    PublishMessage,
    Redriven,
    SubscriptionBacklog,
)
from usher_local.bus.push import PushClient
from usher_local.bus.settings import Settings
from usher_local.bus.store import BusStore
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.errors import InvalidRequest, NotFound
from usher_shared.events.topics import Topology

_LOG = logging.getLogger(__name__)


class Bus:
    """Topics and subscriptions of `topology` on `store`. `start` and `stop` it in the lifespan."""

    def __init__(
        self, topology: Topology, store: BusStore, client: PushClient, clock: Clock, settings: Settings
    ) -> None:
        self._store = store
        self._client = client
        self._clock = clock
        self._settings = settings
        self._chaos = Chaos(
            duplicate=settings.duplicate, reorder=settings.reorder, delay_seconds=settings.delay_seconds
        )
        dead_letter_topics = {topic.name: topic.dead_letter_topic for topic in topology.topics}
        self._dispatchers = {
            subscription.name: Dispatcher(
                subscription,
                dead_letter_topic=dead_letter_topics[subscription.topic],
                store=store,
                client=client,
                clock=clock,
                chaos=self.chaos,
                in_flight=settings.in_flight,
                window=settings.window,
            )
            for subscription in topology.subscriptions
        }
        self._listeners: dict[str, tuple[str, ...]] = {
            topic: tuple(s.name for s in topology.subscriptions if s.topic == topic) for topic in dead_letter_topics
        }
        self._news = asyncio.Event()  # set, and replaced, by each publish
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        dropped = await self._store.write(works.forget_subscriptions_except(list(self._dispatchers)))
        if dropped:
            _LOG.warning("dropped deliveries to subscriptions that are no more", extra={"count": dropped})
        for dispatcher in self._dispatchers.values():
            dispatcher.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="bus-sweep")

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        await asyncio.gather(*(dispatcher.stop() for dispatcher in self._dispatchers.values()))
        await self._client.close()
        await self._store.close()

    async def ping(self) -> None:
        self._store.ping()

    def chaos(self) -> Chaos:
        return self._chaos

    def set_chaos(self, chaos: Chaos) -> None:
        """From the next message on, until the process ends."""
        self._chaos = chaos

    async def publish(self, topic: str, messages: Sequence[PublishMessage]) -> list[str]:
        """Message ids, once all are on disk. Raises NotFound, InvalidRequest, Unavailable (none was taken)."""
        listeners = self._listeners.get(topic)
        if listeners is None:
            raise NotFound(f"no topic {topic!r}", code="unknown_topic")
        rows = []
        for message in messages:
            try:
                data = base64.b64decode(message.data, validate=True)
            except ValueError as error:  # binascii.Error, and text that is not even ASCII
                raise InvalidRequest("the data of a message is base64", code="bad_message") from error
            rows.append((data, message.attributes, message.orderingKey))
        written = self._store.write(works.insert_messages(topic, rows, listeners, to_timestamp(self._clock.now())))
        # as a callback of the write: in the order of the commits, and also when the caller has gone
        written.add_done_callback(self._on_published)
        seqs, _ = await asyncio.shield(written)
        return [str(seq) for seq in seqs]

    def _on_published(self, written: asyncio.Future[tuple[list[int], list[Delivery]]]) -> None:
        if written.cancelled() or written.exception() is not None:
            return
        _, deliveries = written.result()
        self._dispatch(deliveries)
        self._news.set()
        self._news = asyncio.Event()

    def _dispatch(self, deliveries: Sequence[Delivery]) -> None:
        by_subscription: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            by_subscription.setdefault(delivery.subscription, []).append(delivery)
        for name, own in by_subscription.items():
            self._dispatchers[name].enqueue(own)

    async def events_after(self, after: int | None, wait_seconds: float, limit: int) -> PublishedEvents:
        """What was published after that sequence number; waits for the first if there is none yet.

        Without `after`: from now on.
        """
        after = self._store.last_seq() if after is None else after
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while True:
            news = self._news
            found = self._store.messages_after(after, limit)
            remaining = deadline - asyncio.get_running_loop().time()
            if found or remaining <= 0:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await news.wait()
        return PublishedEvents(events=[_published(m) for m in found], next=found[-1].seq if found else after)

    def backlog(self) -> Backlog:
        now = self._clock.now()
        pending = self._store.pending()
        dead = self._store.dead_letter_counts()
        lines = []
        for name, dispatcher in self._dispatchers.items():
            count, oldest = pending.get(name, (0, None))
            age = None if oldest is None else max(0.0, (now - from_timestamp(oldest)).total_seconds())
            lines.append(
                SubscriptionBacklog(
                    subscription=name,
                    pending=count,
                    oldest_age_seconds=age,
                    in_flight=dispatcher.in_flight,
                    reachable=dispatcher.reachable,
                    last_error=dispatcher.last_error,
                    dead_letters=dead.get(name, 0),
                )
            )
        return Backlog(subscriptions=lines)

    def dead_letters(self, after: int, limit: int) -> DeadLetterList:
        rows = self._store.dead_letters(after, limit + 1)
        views = [
            DeadLetterView(
                id=id,
                topic=topic,
                subscription=subscription,
                reason=reason,
                attempts=attempts,
                dead_at=from_timestamp(dead_at),
                redriven_at=None if redriven_at is None else from_timestamp(redriven_at),
                message=_published(self._store.message(seq)),
            )
            for id, topic, subscription, seq, reason, attempts, dead_at, redriven_at in rows[:limit]
        ]
        return DeadLetterList(dead_letters=views, next_cursor=views[-1].id if len(rows) > limit else None)

    async def redrive(self, id: int) -> Redriven:
        """Deliver once more, with fresh attempts, to the subscription that gave it up. Raises NotFound."""
        written = self._store.write(works.redrive(id, to_timestamp(self._clock.now())))

        def dispatch(done: asyncio.Future[tuple[str, Delivery | None] | None]) -> None:
            if done.cancelled() or done.exception() is not None:
                return
            result = done.result()
            if result is not None and result[1] is not None:
                self._dispatch([result[1]])

        written.add_done_callback(dispatch)
        found = await asyncio.shield(written)
        if found is None:
            raise NotFound(f"no dead letter {id}")
        return Redriven(id=id, redriven_at=from_timestamp(found[0]))

    async def delete_old(self) -> int:
        """Delete what retention no longer covers; how many messages went."""
        now = self._clock.now()
        delivered = to_timestamp(now - timedelta(hours=self._settings.retention_hours))
        dead = to_timestamp(now - timedelta(days=self._settings.dead_letter_days))
        total = 0
        while deleted := await self._store.write(works.delete_old(delivered, dead)):
            total += deleted
        return total

    async def _sweep(self) -> None:
        while True:
            try:
                deleted = await self.delete_old()
            except Exception as error:  # deletion can wait for the next round, delivery goes on
                _LOG.error("old messages could not be deleted", exc_info=error)
            else:
                if deleted:
                    _LOG.info("old messages deleted", extra={"count": deleted})
            await asyncio.sleep(self._settings.sweep_seconds)


def _published(message: Message) -> PublishedEvent:
    event: Any
    try:
        event = orjson.loads(message.data)
    except orjson.JSONDecodeError:
        event = None
    return PublishedEvent(
        seq=message.seq,
        topic=message.topic,
        published_at=from_timestamp(message.published_at),
        event=event if isinstance(event, dict) else None,
    )

"""Delivery to one subscription: lanes by ordering key, retries, dead letters.

Everything is driven by events: a publish, an answer, a timer of the one moment when something falls due. An
attempt that finds nobody listening does not count towards the dead-letter limit; the subscription is then probed
with one delivery at a time, at most a second apart, and resumes in full with the first answer.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass, field

from usher_local.bus import store as works
from usher_local.bus.model import Chaos, Delivery, Message
from usher_local.bus.push import Outcome, PushClient, Verdict
from usher_local.bus.store import BusStore
from usher_shared.clock import Clock, to_timestamp
from usher_shared.errors import Unavailable
from usher_shared.events import Subscription

_LOG = logging.getLogger(__name__)
_PROBE_SECONDS = (0.05, 1.0)  # first and longest pause between attempts to reach a subscriber that is down
_GRACE_SECONDS = 2.0
_HOLD_BACK_SECONDS = 0.25  # of a reordered delivery, when no delay is asked for


@dataclass(slots=True)
class _Lane:
    """Deliveries of one ordering key, in order; only the first is ever in flight."""

    key: str
    queue: deque[Delivery] = field(default_factory=deque)


def backoff_seconds(attempts: int, minimum: float, maximum: float) -> float:
    """The pause after the failed attempt number `attempts` (from 1): exponential, jittered, within the bounds."""
    ceiling = min(maximum, minimum * 2.0 ** min(attempts, 30))
    return random.uniform(max(minimum, ceiling / 2), ceiling)


class Dispatcher:
    """Pushes what is due to `subscription`. `start` it inside a running loop.

    At most `window` undelivered messages are in memory; the rest waits in the store.
    """

    def __init__(
        self,
        subscription: Subscription,
        *,
        dead_letter_topic: str,
        store: BusStore,
        client: PushClient,
        clock: Clock,
        chaos: Callable[[], Chaos],
        in_flight: int,
        window: int,
    ) -> None:
        self.subscription = subscription
        self._dead_letter_topic = dead_letter_topic
        self._store = store
        self._client = client
        self._clock = clock
        self._chaos = chaos
        self._limit = in_flight
        self._window = window
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._held = 0  # deliveries in memory
        self._loaded_until = 0  # every delivery up to this id is in memory or done
        self._more_in_store = False
        self._probe_pause: float | None = None  # set while the subscriber cannot be reached
        self._probing = False  # a pause of probing is running
        self._stopped = False
        self.last_error: str | None = None

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    @property
    def reachable(self) -> bool:
        return self._probe_pause is None

    def start(self) -> None:
        """Take up what an earlier process left."""
        self._load()
        self._pump()

    async def stop(self) -> None:
        """Let what is in flight end, for a moment; what does not is delivered again after the next start."""
        self._stopped = True
        for timer in self._timers:
            timer.cancel()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def enqueue(self, deliveries: Iterable[Delivery]) -> None:
        """Freshly committed deliveries of this subscription, in the order of their ids."""
        for delivery in deliveries:
            if delivery.id <= self._loaded_until:
                continue  # read from the store between its commit and this call
            if self._more_in_store or self._held >= self._window:
                self._more_in_store = True
                break
            self._admit(delivery)
        self._pump()

    def _load(self) -> None:
        found = self._store.due(self.subscription.name, self._loaded_until, self._window - self._held)
        self._more_in_store = self._held + len(found) >= self._window
        for delivery in found:
            self._admit(delivery)

    def _admit(self, delivery: Delivery) -> None:
        self._loaded_until = delivery.id
        self._held += 1
        chaos = self._chaos()
        reorder = random.random() < chaos.reorder
        ordered = self.subscription.enable_message_ordering and delivery.ordering_key and not reorder
        # without a key each message has a lane of its own; the NUL keeps it apart from any key
        key = delivery.ordering_key if ordered else f"\0{delivery.id}"
        lane = self._lanes.get(key)
        if lane is not None:
            lane.queue.append(delivery)
            return
        lane = self._lanes[key] = _Lane(key, deque((delivery,)))
        longest = chaos.delay_seconds or (_HOLD_BACK_SECONDS if reorder else 0.0)
        if longest:
            self._later(random.uniform(0, longest), lane)
        else:
            self._ready.append(lane)

    def _later(self, seconds: float, lane: _Lane | None) -> None:
        """Make the lane ready after a pause; without one, end a pause of probing."""

        def due() -> None:
            self._timers.discard(timer)
            if lane is None:
                self._probing = False
            else:
                self._ready.append(lane)
            self._pump()

        timer = asyncio.get_running_loop().call_later(seconds, due, context=Context())
        self._timers.add(timer)

    def _pump(self) -> None:
        """Start deliveries as far as the bounds allow."""
        if self._more_in_store and self._held <= self._window // 2:
            self._load()
        while self._ready and not self._stopped and not self._probing:
            if len(self._tasks) >= (self._limit if self.reachable else 1):
                return
            # a context of its own: whoever published is not who delivers
            task = asyncio.create_task(
                self._deliver(self._ready.popleft()), name=f"push-{self.subscription.name}", context=Context()
            )
            self._tasks.add(task)
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # the lane stays blocked until the restart, which is better than losing or reordering its messages
            _LOG.error("delivery failed unexpectedly", exc_info=error, extra={"subscription": self.subscription.name})
        if not self._stopped:
            self._pump()

    async def _deliver(self, lane: _Lane) -> None:
        delivery = lane.queue[0]
        try:
            message = self._store.message(delivery.seq)
            wanted = self.subscription.wants(message.attributes)
            outcome = await self._push(message, delivery.attempts + 1) if wanted else Outcome(Verdict.ACKNOWLEDGED)
        except Exception as error:  # ours, not the subscriber's: the head of the lane waits and comes again
            _LOG.error("delivery failed unexpectedly", exc_info=error, extra={"subscription": self.subscription.name})
            self.last_error = repr(error)[:200]
            self._later(self.subscription.maximum_backoff_seconds, lane)
            return
        if outcome.verdict is Verdict.UNREACHABLE:
            self._pause(lane, outcome)
            return
        self._probe_pause = None
        if outcome.verdict is Verdict.ACKNOWLEDGED:
            self.last_error = None
            self._store.write(works.delete_delivery(delivery.id))
            self._advance(lane)
            return
        self.last_error = outcome.reason
        delivery.attempts += 1
        exhausted = delivery.attempts >= self.subscription.max_delivery_attempts
        if outcome.verdict is Verdict.INVALID or exhausted:
            await self._bury(lane, delivery, outcome)
            return
        self._store.write(works.set_attempts(delivery.id, delivery.attempts))
        pause = backoff_seconds(
            delivery.attempts,
            self.subscription.minimum_backoff_seconds,
            self.subscription.maximum_backoff_seconds,
        )
        _LOG.warning(
            "will deliver again",
            extra={
                "subscription": self.subscription.name,
                "seq": delivery.seq,
                "attempts": delivery.attempts,
                "pause_seconds": round(pause, 3),
                "reason": outcome.reason,
            },
        )
        self._later(pause, lane)

    async def _bury(self, lane: _Lane, delivery: Delivery, outcome: Outcome) -> None:
        name = self.subscription.name
        dead_at = to_timestamp(self._clock.now())
        try:
            await self._store.write(works.bury(delivery, self._dead_letter_topic, outcome.reason, dead_at))
        except Unavailable:  # logged by the store; the next attempt buries it
            self._later(self.subscription.maximum_backoff_seconds, lane)
            return
        _LOG.error("dead letter", extra={"subscription": name, "seq": delivery.seq, "reason": outcome.reason})
        self._advance(lane)

    async def _push(self, message: Message, attempt: int) -> Outcome:
        if random.random() >= self._chaos().duplicate:
            return await self._client.push(self.subscription, message, attempt)
        if random.random() < 0.5:
            first = await self._client.push(self.subscription, message, attempt)
            await self._client.push(self.subscription, message, attempt)
            return first
        both = await asyncio.gather(*(self._client.push(self.subscription, message, attempt) for _ in range(2)))
        return both[0]

    def _advance(self, lane: _Lane) -> None:
        """The first of the lane is done with: the next is ready, or the lane ends."""
        lane.queue.popleft()
        self._held -= 1
        if lane.queue:
            self._ready.append(lane)
        else:
            del self._lanes[lane.key]

    def _pause(self, lane: _Lane, outcome: Outcome) -> None:
        self._ready.appendleft(lane)
        self.last_error = outcome.reason
        first, longest = _PROBE_SECONDS
        if self._probing:
            return  # one of several that were in flight together
        if self._probe_pause is None:
            _LOG.warning("subscriber cannot be reached", extra={"subscription": self.subscription.name})
            self._probe_pause = first
        else:
            self._probe_pause = min(self._probe_pause * 2, longest)
        self._probing = True
        self._later(self._probe_pause * random.uniform(0.5, 1.0), None)

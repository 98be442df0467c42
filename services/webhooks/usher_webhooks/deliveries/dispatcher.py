"""Sending what is due: one lane per webhook, so that a slow endpoint holds up only its own deliveries.

A lane lives while its webhook has pending deliveries. It is woken by new ones, by the clock when a retry falls due,
and by a sweep over all webhooks, which also finds what an earlier process left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime

import orjson

from usher_shared.clock import Clock
from usher_webhooks.deliveries.model import Delivery
from usher_webhooks.deliveries.ports import Sender
from usher_webhooks.deliveries.queue import DeliveryQueue
from usher_webhooks.deliveries.signing import sign
from usher_webhooks.subscriptions.model import Subscription

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0


async def _wait(signal: asyncio.Event, seconds: float) -> None:
    """Until it is set, at most that long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await signal.wait()


class _Lane:
    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.failures = 0  # in a row
        self.attempts: set[asyncio.Task[None]] = set()
        self.task: asyncio.Task[None] | None = None


class Dispatcher:
    """`start` and `stop` it in the lifespan; `notify` after committing a delivery."""

    def __init__(
        self,
        queue: DeliveryQueue,
        sender: Sender,
        clock: Clock,
        *,
        concurrency: int,
        breaker_failures: int,
        sweep_seconds: float,
        stop_seconds: float,
    ) -> None:
        self._queue = queue
        self._sender = sender
        self._clock = clock
        self._concurrency = concurrency
        self._breaker_failures = breaker_failures
        self._sweep_seconds = sweep_seconds
        self._stop_seconds = stop_seconds
        self._lanes: dict[str, _Lane] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def notify(self, webhook_id: str) -> None:
        if self._sweeper is None:
            return  # not started or stopping: the next start's sweep finds it
        lane = self._lanes.get(webhook_id)
        if lane is None:
            lane = self._lanes[webhook_id] = _Lane()
            lane.task = asyncio.create_task(self._run_lane(webhook_id, lane), name=f"lane-{webhook_id}")
        lane.wake.set()

    async def start(self) -> None:
        self._sweeper = asyncio.create_task(self._sweep(), name="webhook-sweep")

    async def stop(self) -> None:
        """Take nothing new, give attempts under way a moment, then cut them off: they are sent again later."""
        sweeper, self._sweeper = self._sweeper, None
        if sweeper is not None:
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.wake.set()
        await asyncio.gather(*(lane.task for lane in lanes if lane.task is not None))
        attempts = [attempt for lane in lanes for attempt in lane.attempts]
        if attempts:
            _, late = await asyncio.wait(attempts, timeout=self._stop_seconds)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _sweep(self) -> None:
        while True:
            try:
                for webhook_id in await self._queue.webhooks():
                    self.notify(webhook_id)
            except Exception as error:  # the store may be back at the next round
                _LOG.warning("sweep failed; will retry", extra={"error": repr(error)})
            await asyncio.sleep(self._sweep_seconds)

    async def _run_lane(self, webhook_id: str, lane: _Lane) -> None:
        while self._sweeper is not None:
            lane.wake.clear()
            try:
                next_at = await self._fill(webhook_id, lane)
            except Exception as error:  # the deliveries are still there: look again after a pause
                _LOG.warning(
                    "cannot take deliveries; will retry", extra={"webhook_id": webhook_id, "error": repr(error)}
                )
                await _wait(lane.wake, _PAUSE_SECONDS)
                continue
            if next_at is None and not lane.attempts and not lane.wake.is_set():
                break
            await _wait(lane.wake, self._seconds_until(next_at))
        del self._lanes[webhook_id]

    def _seconds_until(self, moment: datetime | None) -> float:
        if moment is None:
            return self._sweep_seconds
        return min(max((moment - self._clock.now()).total_seconds(), 0.001), self._sweep_seconds)

    async def _fill(self, webhook_id: str, lane: _Lane) -> datetime | None:
        """Start attempts while there is room; when to look again, None if nothing else is pending."""
        # an endpoint that keeps failing is asked with one delivery at a time
        allowed = 1 if lane.failures >= self._breaker_failures else self._concurrency
        room = allowed - len(lane.attempts)
        if room <= 0:
            return None  # a finished attempt wakes the lane
        due = await self._queue.take(webhook_id, room)
        if due.webhook is not None:
            for delivery in due.deliveries:
                attempt = asyncio.create_task(self._attempt(due.webhook, delivery, lane))
                lane.attempts.add(attempt)
        return due.next_at if len(due.deliveries) < room else None

    async def _attempt(self, webhook: Subscription, delivery: Delivery, lane: _Lane) -> None:
        try:
            at = self._clock.now()
            body = orjson.dumps(delivery.event)
            headers = sign(delivery.id, at, body.decode(), webhook.secrets_at(at))
            answer = await self._sender.send(webhook.url, headers, body)
            lane.failures = 0 if answer.taken else lane.failures + 1
            await self._queue.settle(delivery, at, answer)
            _LOG.info(
                "webhook attempt",
                extra={"webhook_id": webhook.id, "delivery_id": delivery.id, "status": answer.status}
                | ({"error": answer.error} if answer.error else {}),
            )
        except Exception as error:  # nothing recorded: the lease ends and the delivery is sent again
            _LOG.error("an attempt was not recorded", extra={"delivery_id": delivery.id, "error": repr(error)})
        finally:
            task = asyncio.current_task()
            if task is not None:
                lane.attempts.discard(task)
            lane.wake.set()

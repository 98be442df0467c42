"""The store's side of sending: which deliveries of a webhook are due, and what an attempt changed.

Taking a delivery moves its `next_attempt_at` to the end of a lease, so that no other process takes it meanwhile and
a crash during the attempt only delays it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.events import Event
from usher_shared.events.catalogue import ErrorOccurred
from usher_shared.events.envelope import event
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_shared.telemetry import current_traceparent
from usher_webhooks.deliveries.model import COLLECTION, Answer, Delivery
from usher_webhooks.deliveries.schedule import GONE, RetrySchedule
from usher_webhooks.subscriptions import model as subscriptions
from usher_webhooks.subscriptions.model import Subscription


@dataclass(frozen=True, slots=True)
class Due:
    """`deliveries` are leased to the caller; `next_at` is when a further one falls due, None if there is none."""

    webhook: Subscription | None
    deliveries: list[Delivery]
    next_at: datetime | None


class DeliveryQueue:
    def __init__(
        self,
        store: DocumentStore,
        outbox: Outbox,
        *,
        clock: Clock,
        ids: IdGenerator,
        schedule: RetrySchedule,
        rng: random.Random,
        lease: timedelta,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._ids = ids
        self._schedule = schedule
        self._rng = rng
        self._lease = lease

    async def webhooks(self) -> list[str]:
        """The ids of all active webhooks."""
        ids: list[str] = []
        query = Query(subscriptions.COLLECTION, (Filter("status", "==", "active"),), order_by="created_at")
        after: str | None = None
        while True:
            page = await self._store.query(
                Query(query.collection, query.where, order_by=query.order_by, limit=query.limit, after=after)
            )
            ids += [d.id for d in page.documents]
            after = page.next_cursor
            if after is None:
                return ids

    async def take(self, webhook_id: str, room: int) -> Due:
        """Lease up to `room` due deliveries; none while the webhook is disabled or gone."""

        async def take(tx: Transaction) -> Due:
            data = await tx.get(subscriptions.COLLECTION, webhook_id)
            if data is None or data["status"] != "active":
                return Due(None, [], None)
            page = await tx.query(
                Query(
                    COLLECTION,
                    (Filter("webhook_id", "==", webhook_id), Filter("status", "==", "pending")),
                    order_by="next_attempt_at",
                    limit=room + 1,
                )
            )
            now = self._clock.now()
            pending = [Delivery.from_document(d.id, d.data) for d in page.documents]
            due = [d for d in pending[:room] if d.next_attempt_at is not None and d.next_attempt_at <= now]
            for delivery in due:
                delivery.next_attempt_at = now + self._lease
                tx.set(COLLECTION, delivery.id, delivery.to_document())
            later = pending[len(due) :]
            return Due(Subscription.from_document(webhook_id, data), due, later[0].next_attempt_at if later else None)

        return await self._store.transaction(take)

    async def settle(self, taken: Delivery, at: datetime, answer: Answer) -> None:
        """Record the attempt and what follows from it; 410 disables the webhook and says so in an event."""

        async def settle(tx: Transaction) -> None:
            data = await tx.get(COLLECTION, taken.id)
            webhook = await tx.get(subscriptions.COLLECTION, taken.webhook_id)
            if data is None:
                return
            delivery = Delivery.from_document(taken.id, data)
            delivery.log_attempt(at, answer)
            if delivery.next_attempt_at == taken.next_attempt_at:  # else it was replayed, or its lease ran out
                self._conclude(delivery, answer)
            tx.set(COLLECTION, delivery.id, delivery.to_document())
            if answer.status == GONE and webhook is not None and webhook["status"] == "active":
                gone = Subscription.from_document(taken.webhook_id, webhook).disabled("the endpoint answered 410 Gone")
                tx.set(subscriptions.COLLECTION, gone.id, gone.to_document())
                self._outbox.add(tx, self._notice(gone))

        with self._outbox.nudging():
            await self._store.transaction(settle)

    def _notice(self, webhook: Subscription) -> Event:
        return event(
            id=self._ids.new("EVT"),
            type="usher.error_occurred.v1",
            source="usher/webhooks",
            time=self._clock.now(),
            subject=webhook.id,
            ordering_key=webhook.id,
            traceparent=current_traceparent(),
            data=ErrorOccurred(
                service="webhooks",
                code="webhook_disabled",
                detail=f"webhook {webhook.id} is disabled: {webhook.disabled_reason}",
            ),
        )

    def _conclude(self, delivery: Delivery, answer: Answer) -> None:
        if answer.taken:
            delivery.status, delivery.next_attempt_at = "delivered", None
            return
        wait = self._schedule.next_wait(delivery.tries, answer, self._rng)
        if wait is None:
            delivery.status, delivery.next_attempt_at = "failed", None
        else:
            delivery.next_attempt_at = self._clock.now() + wait

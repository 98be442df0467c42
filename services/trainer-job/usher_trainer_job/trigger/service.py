"""Counts completed conversations; at the threshold, or when asked, records that training is due.

Each event counts once: its id is remembered in the transaction that counts it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import DocumentStore, Query, Transaction
from usher_shared.events import Event, parse_data
from usher_shared.events.catalogue import ConversationCompleted, RetrainingRequested
from usher_shared.ids import IdGenerator
from usher_trainer_job.trigger.model import COUNTS, COUNTS_ID, REQUESTS, Counts, Reason, Status, TrainingRequest

_REMEMBER_EVENTS = timedelta(days=14)  # twice as long as the bus keeps a message
_SHOWN = 20


class TrainingTrigger:
    def __init__(
        self, store: DocumentStore, clock: Clock, ids: IdGenerator, *, threshold: int, cool_down: timedelta
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._threshold = threshold
        self._cool_down = cool_down

    async def handle(self, event: Event) -> None:
        """Count a conversation or take a request; any other type is nothing to us. Raises InvalidEvent."""
        data = parse_data(event)
        if not isinstance(data, ConversationCompleted | RetrainingRequested):
            return
        key = "trainer_job_" + hashlib.sha256(event.id.encode()).hexdigest()

        async def apply(tx: Transaction) -> None:
            if await tx.get("processed_events", key) is not None:
                return
            counts = await _read_counts(tx)
            now = self._clock.now()
            if isinstance(data, ConversationCompleted):
                request = self._count(counts, data, event.id, now)
            else:
                skipped = data.reason != "operator" and not self._cooled_down(counts, now)
                request = self._request(counts, data.reason, data.requested_by, event.id, now, skipped=skipped)
            tx.create("processed_events", key, {"expires_at": to_timestamp(now + _REMEMBER_EVENTS)})
            tx.set(COUNTS, COUNTS_ID, counts.to_document())
            if request is not None:
                tx.create(REQUESTS, request.request_id, request.to_document())

        await self._store.transaction(apply)

    async def status(self) -> Status:
        data = await self._store.get(COUNTS, COUNTS_ID)
        counts = Counts.model_validate(data or {})
        page = await self._store.query(Query(REQUESTS, order_by="created_at", descending=True, limit=_SHOWN))
        until = None if counts.last_request_at is None else counts.last_request_at + self._cool_down
        return Status(
            counts=counts,
            conversation_threshold=self._threshold,
            cool_down_until=until if until is not None and until > self._clock.now() else None,
            requests=[TrainingRequest(request_id=d.id, **d.data) for d in page.documents],
        )

    def _cooled_down(self, counts: Counts, now: datetime) -> bool:
        return counts.last_request_at is None or now >= counts.last_request_at + self._cool_down

    def _count(
        self, counts: Counts, data: ConversationCompleted, event_id: str, now: datetime
    ) -> TrainingRequest | None:
        counts.conversations += 1
        counts.conversations_since_request += 1
        counts.successes += data.success
        counts.successes_since_request += data.success
        if counts.conversations_since_request < self._threshold or not self._cooled_down(counts, now):
            return None
        return self._request(counts, "threshold", "trainer-job", event_id, now, skipped=False)

    def _request(
        self, counts: Counts, reason: Reason, requested_by: str, event_id: str, now: datetime, *, skipped: bool
    ) -> TrainingRequest:
        request = TrainingRequest(
            request_id=self._ids.new("TRQ"),
            state="skipped" if skipped else "requested",
            reason=reason,
            requested_by=requested_by,
            conversations=counts.conversations_since_request,
            successes=counts.successes_since_request,
            event_id=event_id,
            created_at=now,
        )
        if not skipped:
            counts.conversations_since_request = counts.successes_since_request = 0
            counts.last_request_at = now
        return request


async def _read_counts(tx: Transaction) -> Counts:
    return Counts.model_validate(await tx.get(COUNTS, COUNTS_ID) or {})

"""Events become deliveries; the log of deliveries; replay."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import datetime, timedelta

from usher_shared.clock import Clock, to_timestamp
from usher_shared.contracts.webhooks import ReplayRequest
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, InvalidRequest, NotFound, Unprocessable
from usher_shared.events import Event, parse_data
from usher_shared.ids import IdGenerator
from usher_webhooks.deliveries.model import COLLECTION, Delivery
from usher_webhooks.subscriptions import model as subscriptions
from usher_webhooks.subscriptions.model import Subscription
from usher_webhooks.subscriptions.ports import Deliverer

_PAGE = 100
_REMEMBER_EVENTS = timedelta(days=14)  # twice as long as the bus keeps a message


class DeliveryService:
    def __init__(
        self, store: DocumentStore, deliverer: Deliverer, clock: Clock, ids: IdGenerator, *, keep: timedelta
    ) -> None:
        self._store = store
        self._deliverer = deliverer
        self._clock = clock
        self._ids = ids
        self._keep = keep

    async def fan_out(self, event: Event) -> None:
        """One delivery for every webhook that wants the event, once per event id. Raises InvalidEvent."""
        parse_data(event)
        key = "webhooks_" + hashlib.sha256(event.id.encode()).hexdigest()

        async def deliver(tx: Transaction) -> list[str]:
            if await tx.get("processed_events", key) is not None:
                return []
            wanting = [s.id for s in await _active(tx) if s.wants(event.topic)]
            now = self._clock.now()
            tx.create("processed_events", key, {"expires_at": to_timestamp(now + _REMEMBER_EVENTS)})
            for webhook_id in wanting:
                delivery = Delivery.of(self._ids.new("DLV"), webhook_id, event, now, self._keep)
                tx.create(COLLECTION, delivery.id, delivery.to_document())
            return wanting

        for webhook_id in await self._store.transaction(deliver):
            self._deliverer.notify(webhook_id)

    async def list(self, webhook: Subscription, limit: int, cursor: str | None) -> tuple[list[Delivery], str | None]:
        """The newest first, and the cursor of the next page. Raises InvalidRequest for a cursor that is not ours."""
        page = await self._store.query(
            Query(
                COLLECTION,
                (Filter("webhook_id", "==", webhook.id),),
                order_by="created_at",
                descending=True,
                limit=limit,
                after=None if cursor is None else _decode_cursor(cursor),
            )
        )
        after = page.next_cursor
        return (
            [Delivery.from_document(d.id, d.data) for d in page.documents],
            None if after is None else base64.urlsafe_b64encode(after.encode()).decode(),
        )

    async def replay(self, webhook: Subscription, wanted: ReplayRequest) -> int:
        """Send again; how many. Raises NotFound, Conflict (disabled webhook), Unprocessable (neither or both given)."""
        if (wanted.since is None) == (wanted.delivery_id is None):
            raise Unprocessable("give either since or delivery_id", code="since_or_delivery_id")
        if webhook.status != "active":
            raise Conflict("the webhook is disabled: activate it first", code="webhook_disabled")
        if wanted.delivery_id is not None:
            count = await self._restart_one(webhook.id, wanted.delivery_id)
        else:
            assert wanted.since is not None  # noqa: S101  one of the two is given
            count = await self._restart_failed(webhook.id, wanted.since)
        self._deliverer.notify(webhook.id)
        return count

    async def _restart_one(self, webhook_id: str, delivery_id: str) -> int:
        async def restart(tx: Transaction) -> None:
            data = await tx.get(COLLECTION, delivery_id)
            if data is None or data["webhook_id"] != webhook_id:
                raise NotFound(f"there is no delivery {delivery_id}")
            self._restart(tx, Delivery.from_document(delivery_id, data))

        await self._store.transaction(restart)
        return 1

    async def _restart_failed(self, webhook_id: str, since: datetime) -> int:
        where = (
            Filter("webhook_id", "==", webhook_id),
            Filter("status", "==", "failed"),
            Filter("created_at", ">=", to_timestamp(since)),
        )
        total = 0
        after: str | None = None
        while True:

            async def restart(tx: Transaction, after: str | None = after) -> tuple[int, str | None]:
                page = await tx.query(Query(COLLECTION, where, order_by="created_at", limit=_PAGE, after=after))
                for document in page.documents:
                    self._restart(tx, Delivery.from_document(document.id, document.data))
                return len(page.documents), page.next_cursor

            count, after = await self._store.transaction(restart)
            total += count
            if after is None:
                return total

    def _restart(self, tx: Transaction, delivery: Delivery) -> None:
        delivery.restart(self._clock.now())
        tx.set(COLLECTION, delivery.id, delivery.to_document())


async def _active(tx: Transaction) -> list[Subscription]:
    found: list[Subscription] = []
    after: str | None = None
    while True:
        page = await tx.query(
            Query(
                subscriptions.COLLECTION,
                (Filter("status", "==", "active"),),
                order_by="created_at",
                limit=_PAGE,
                after=after,
            )
        )
        found += [Subscription.from_document(d.id, d.data) for d in page.documents]
        after = page.next_cursor
        if after is None:
            return found


def _decode_cursor(cursor: str) -> str:
    try:
        text = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
        value = json.loads(text)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("the cursor is not one of ours", code="bad_cursor") from error
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)):
        raise InvalidRequest("the cursor is not one of ours", code="bad_cursor")
    return text

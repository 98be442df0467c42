"""Registering webhooks and changing them. A webhook of another owner does not exist for a caller."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from datetime import timedelta

from usher_shared.clock import Clock
from usher_shared.contracts.webhooks import WebhookChange, WebhookRegistration
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, NotFound, Unprocessable
from usher_shared.ids import IdGenerator
from usher_webhooks.subscriptions.model import COLLECTION, EVENT_NAMES, EVERYTHING, OldSecret, Subscription
from usher_webhooks.subscriptions.ports import Deliverer, Destinations

_OLD_SECRETS = 4  # rotating faster than that drops the oldest early


def new_secret() -> str:
    """32 random bytes in the form that Standard Webhooks libraries take."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _known_events(names: list[str]) -> tuple[str, ...]:
    unknown = set(names) - EVENT_NAMES - {EVERYTHING}
    if unknown:
        offered = ", ".join(sorted(EVENT_NAMES))
        raise Unprocessable(f"no such events: {', '.join(sorted(unknown))}; there are {offered}", code="unknown_event")
    return tuple(dict.fromkeys(names))


class SubscriptionService:
    def __init__(
        self,
        store: DocumentStore,
        destinations: Destinations,
        deliverer: Deliverer,
        clock: Clock,
        ids: IdGenerator,
        *,
        rotation: timedelta,
        max_per_owner: int,
    ) -> None:
        self._store = store
        self._destinations = destinations
        self._deliverer = deliverer
        self._clock = clock
        self._ids = ids
        self._rotation = rotation
        self._max_per_owner = max_per_owner

    async def register(self, owner: str, wanted: WebhookRegistration) -> Subscription:
        """Raises ForbiddenDestination, Unprocessable (unknown event), Conflict (too many)."""
        events = _known_events(wanted.events)
        await self._destinations.check(wanted.url)
        subscription = Subscription(
            id=self._ids.new("WHK"),
            owner=owner,
            url=wanted.url,
            events=events,
            description=wanted.description,
            status="active",
            created_at=self._clock.now(),
            secret=new_secret(),
        )

        async def insert(tx: Transaction) -> None:
            page = await tx.query(self._of(owner, self._max_per_owner))
            if len(page.documents) >= self._max_per_owner:
                raise Conflict(f"a client has at most {self._max_per_owner} webhooks", code="too_many_webhooks")
            tx.create(COLLECTION, subscription.id, subscription.to_document())

        await self._store.transaction(insert)
        return subscription

    async def list(self, owner: str) -> list[Subscription]:
        """All of the owner's, oldest first."""
        page = await self._store.query(self._of(owner, self._max_per_owner))
        return [Subscription.from_document(d.id, d.data) for d in page.documents]

    async def get(self, owner: str, id: str) -> Subscription:
        """Raises NotFound."""
        return _owned(owner, id, await self._store.get(COLLECTION, id))

    async def change(self, owner: str, id: str, change: WebhookChange) -> Subscription:
        """Change the fields that were sent. Raises NotFound, ForbiddenDestination, Unprocessable."""
        await self.get(owner, id)  # no resolving of names for webhooks of others
        events = None if change.events is None else _known_events(change.events)
        if change.url is not None:
            await self._destinations.check(change.url)

        async def update(tx: Transaction) -> Subscription:
            subscription = _owned(owner, id, await tx.get(COLLECTION, id))
            if change.url is not None:
                subscription = replace(subscription, url=change.url)
            if events is not None:
                subscription = replace(subscription, events=events)
            if "description" in change.model_fields_set:
                subscription = replace(subscription, description=change.description)
            if change.status == "active":
                subscription = replace(subscription, status="active", disabled_reason=None)
            elif change.status == "disabled":
                subscription = subscription.disabled("by its owner")
            tx.set(COLLECTION, id, subscription.to_document())
            return subscription

        changed = await self._store.transaction(update)
        self._deliverer.notify(id)
        return changed

    async def delete(self, owner: str, id: str) -> None:
        """Nothing more is sent; its delivery log cannot be read any more. Raises NotFound."""

        async def remove(tx: Transaction) -> None:
            _owned(owner, id, await tx.get(COLLECTION, id))
            tx.delete(COLLECTION, id)

        await self._store.transaction(remove)

    async def rotate_secret(self, owner: str, id: str) -> Subscription:
        """A new secret; the old one signs as well until the rotation period ends. Raises NotFound."""
        fresh = new_secret()

        async def rotate(tx: Transaction) -> Subscription:
            subscription = _owned(owner, id, await tx.get(COLLECTION, id))
            now = self._clock.now()
            old = (
                OldSecret(subscription.secret, now + self._rotation),
                *(o for o in subscription.old_secrets if o.until > now),
            )
            subscription = replace(subscription, secret=fresh, old_secrets=old[:_OLD_SECRETS])
            tx.set(COLLECTION, id, subscription.to_document())
            return subscription

        return await self._store.transaction(rotate)

    @staticmethod
    def _of(owner: str, limit: int) -> Query:
        return Query(COLLECTION, (Filter("owner", "==", owner),), order_by="created_at", limit=limit)


def _owned(owner: str, id: str, data: dict[str, object] | None) -> Subscription:
    if data is None or data["owner"] != owner:
        raise NotFound(f"there is no webhook {id}")
    return Subscription.from_document(id, data)

"""Which customer of Stripe's is ours: by `metadata.usher_customer_id`, remembered in documents of our own.

The venue's shop keeps the customer's card with Stripe and writes our customer id into the Stripe customer's metadata.
Stripe's search finds it (some seconds late, at most 20 searches a second); the answer is kept, so each customer is
searched for once. A customer without a card on file gets a Stripe customer of our making when they pay with a token,
so that their payments can be listed: lists show what was written a moment ago, searches do not.
"""

from __future__ import annotations

import hashlib
import logging

import stripe

from usher_shared.documents import DocumentStore, Transaction
from usher_tools.adapters.stripe_client import asking

CUSTOMER = "usher_customer_id"
_LOG = logging.getLogger(__name__)
_COLLECTION = "stripe_customers"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class StripeCustomers:
    def __init__(self, client: stripe.StripeClient, store: DocumentStore) -> None:
        self._client = client
        self._store = store

    async def known(self, customer_id: str) -> list[str]:
        """The Stripe ids that payments of the customer may stand under, the present one first."""
        data = await self._store.get(_COLLECTION, customer_id)
        return [] if data is None else list(data["stripe_ids"])

    async def _remember(self, customer_id: str, stripe_id: str, *, first: bool = True) -> list[str]:
        async def fn(tx: Transaction) -> list[str]:
            data = await tx.get(_COLLECTION, customer_id)
            others = [] if data is None else [id for id in data["stripe_ids"] if id != stripe_id]
            ids = [stripe_id, *others] if first else [*others, stripe_id]
            tx.set(_COLLECTION, customer_id, {"stripe_ids": ids})
            return ids

        return await self._store.transaction(fn)

    async def _search(self, customer_id: str) -> list[str]:
        query = f"metadata[{_quoted(CUSTOMER)}]:{_quoted(customer_id)}"
        try:
            with asking(refusals=True):
                page = await self._client.v1.customers.search_async({"query": query, "limit": 10})
        except stripe.InvalidRequestError as error:  # not offered to accounts in India
            _LOG.error("Stripe refused a search for a customer", extra={"code": error.code})
            return []
        return [found.id for found in page.data]

    async def present(self, customer_id: str) -> str:
        """The Stripe customer to pay as; one is made if there is none."""
        ids = await self.known(customer_id)
        if ids:
            return ids[0]
        found = await self._search(customer_id)
        if found:
            stripe_id = found[0]
        else:
            key = f"usher-customer-{hashlib.sha256(customer_id.encode()).hexdigest()}"
            with asking():
                made = await self._client.v1.customers.create_async(
                    {"metadata": {CUSTOMER: customer_id}}, {"idempotency_key": key}
                )
            stripe_id = made.id
        return (await self._remember(customer_id, stripe_id, first=False))[0]

    async def method(self, customer_id: str) -> str | None:
        """The customer's card on file; whose it is becomes the Stripe customer to pay as."""
        known = await self.known(customer_id)
        for place, stripe_id in enumerate(known):
            method = await self._method_of(stripe_id)
            if method is not None:
                if place:
                    await self._remember(customer_id, stripe_id)
                return method
        for stripe_id in await self._search(customer_id):
            if stripe_id not in known and (method := await self._method_of(stripe_id)) is not None:
                await self._remember(customer_id, stripe_id)
                return method
        return None

    async def _method_of(self, stripe_id: str) -> str | None:
        """The default method, else the newest card."""
        with asking():
            customer = await self._client.v1.customers.retrieve_async(stripe_id)
            if getattr(customer, "deleted", False):
                return None
            settings = customer.invoice_settings
            default = settings.default_payment_method if settings is not None else None
            if default is not None:
                return default if isinstance(default, str) else default.id
            cards = await self._client.v1.customers.payment_methods.list_async(stripe_id, {"type": "card", "limit": 1})
        return cards.data[0].id if cards.data else None

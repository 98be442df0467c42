"""What is kept of a customer beyond one conversation: consents, and with one of them preferences.

`agent_customers/{customer_id}`. `sources` names the conversation that each preference was learnt in.
"""

from __future__ import annotations

from typing import Any

from usher_agent.guardrails.marks import escape_tags
from usher_shared.clock import Clock, to_timestamp
from usher_shared.contracts.preferences import ConsentRequest, ConsentView, Preferences
from usher_shared.documents import DocumentStore, Transaction

CUSTOMERS = "agent_customers"


def preferences_of(document: dict[str, Any] | None) -> Preferences | None:
    """The preferences that may be used: with consent, and if there are any."""
    if document is None or not document["preferences"] or not document["remembered"]:
        return None
    return Preferences.model_validate(document["remembered"])


def view(document: dict[str, Any] | None) -> ConsentView:
    if document is None:
        return ConsentView()
    return ConsentView.model_validate({name: document[name] for name in ConsentView.model_fields})


def learn(
    document: dict[str, Any] | None, values: dict[str, Any], conversation_id: str, now: str, *, agreed: bool = False
) -> dict[str, Any] | None:
    """The customer's document with those preferences; None without consent, `agreed` being one given just now."""
    kept = document or {"preferences": False, "training": False, "remembered": {}, "sources": {}}
    if not (agreed or kept["preferences"]):
        return None
    return {
        **kept,
        "preferences": True,
        "remembered": {**kept["remembered"], **values},
        "sources": {**kept["sources"], **dict.fromkeys(values, conversation_id)},
        "updated_at": now,
    }


def describe(values: dict[str, Any]) -> str:
    """Preferences in words."""
    known = Preferences.model_validate(values)
    parts = [
        f"section {known.section}" if known.section else "",
        ("seats on the aisle" if known.aisle else "no seats on the aisle") if known.aisle is not None else "",
        ("wheelchair-accessible seats" if known.accessible else "no need of accessible seats")
        if known.accessible is not None
        else "",
        f"at most {known.max_price:,.2f} for a ticket" if known.max_price is not None else "",
        f"events in {known.city}" if known.city else "",
        f"usually {known.party_size} tickets" if known.party_size else "",
    ]
    return escape_tags(", ".join(part for part in parts if part))


class Customers:
    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(self, customer_id: str) -> ConsentView:
        return view(await self._store.get(CUSTOMERS, customer_id))

    async def consent(self, customer_id: str, wanted: ConsentRequest) -> ConsentView:
        """Change what the customer agrees to; without consent no preference stays."""
        now = to_timestamp(self._clock.now())

        async def fn(tx: Transaction) -> dict[str, Any] | None:
            document = await tx.get(CUSTOMERS, customer_id)
            given = wanted.model_dump(exclude_none=True)
            if not given:
                return document
            kept = document or {"preferences": False, "training": False, "remembered": {}, "sources": {}}
            changed = {**kept, **given, "updated_at": now}
            if not changed["preferences"]:
                changed |= {"remembered": {}, "sources": {}}
            tx.set(CUSTOMERS, customer_id, changed)
            return changed

        return view(await self._store.transaction(fn))

    async def keep(self, customer_id: str, values: dict[str, Any], conversation_id: str) -> bool:
        """Whether they were kept: only with consent."""
        now = to_timestamp(self._clock.now())

        async def fn(tx: Transaction) -> bool:
            changed = learn(await tx.get(CUSTOMERS, customer_id), values, conversation_id, now)
            if changed is not None:
                tx.set(CUSTOMERS, customer_id, changed)
            return changed is not None

        return await self._store.transaction(fn)

    async def forget(self, customer_id: str, *, learnt_in: str | None = None) -> None:
        """Remove every preference, or those learnt in that conversation; consents stay as they are."""
        now = to_timestamp(self._clock.now())

        async def fn(tx: Transaction) -> None:
            document = await tx.get(CUSTOMERS, customer_id)
            if document is None:
                return
            left = {n: c for n, c in document["sources"].items() if learnt_in is not None and c != learnt_in}
            values = {name: document["remembered"][name] for name in left}
            if values != document["remembered"]:
                tx.set(CUSTOMERS, customer_id, {**document, "remembered": values, "sources": left, "updated_at": now})

        await self._store.transaction(fn)

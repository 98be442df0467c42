"""A payment provider that moves no money: for a laptop, for tests, for trying things out.

It keeps what it did in documents of its own, apart from the box office's, as a real provider would: a crash of
the box office changes nothing here. Test tokens:

* `tok_visa` is charged.
* `tok_declined` is declined.
* `tok_timeout` is charged, but the answer is lost (PaymentUnknown).
* `tok_timeout_before` is never charged, and no answer comes (PaymentUnknown).

A customer has the method that `store_method` put on file. Without one: ids that end in `-declined`, `-timeout` or
`-timeout-before` have the token of that name, all others `tok_visa`.
"""

from __future__ import annotations

from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, NotFound
from usher_shared.ids import IdGenerator
from usher_tools.payments.ports import Charge, ChargeVoided, PaymentDeclined, PaymentUnknown, Refund

_TOKENS = frozenset({"tok_visa", "tok_declined", "tok_timeout", "tok_timeout_before"})
_BY_SUFFIX = {
    "-declined": "tok_declined",
    "-timeout": "tok_timeout",
    "-timeout-before": "tok_timeout_before",
}


class SandboxPayments:
    """`store` must not be the box office's own; it is closed with the provider."""

    def __init__(self, store: DocumentStore, ids: IdGenerator) -> None:
        self._store = store
        self._ids = ids

    async def store_method(self, customer_id: str, token: str) -> None:
        await self._store.set("sandbox_methods", customer_id, {"token": token})

    async def default_method(self, customer_id: str) -> str | None:
        stored = await self._store.get("sandbox_methods", customer_id)
        if stored is not None:
            return str(stored["token"])
        return next((token for suffix, token in _BY_SUFFIX.items() if customer_id.endswith(suffix)), "tok_visa")

    async def charge(self, *, amount_minor: int, currency: str, token: str, idempotency_key: str) -> Charge:
        if token == "tok_timeout_before":  # noqa: S105  a test token
            raise PaymentUnknown("the payment provider did not answer")
        outcome = "charged" if token in _TOKENS - {"tok_declined"} else "declined"
        fresh = {
            "charge_id": self._ids.new("CHG"),
            "amount_minor": amount_minor,
            "currency": currency,
            "outcome": outcome,
            "refunded_minor": 0,
        }

        async def fn(tx: Transaction) -> tuple[dict[str, object], bool]:
            record = await tx.get("sandbox_charges", idempotency_key)
            if record is not None:
                return record, False
            tx.create("sandbox_charges", idempotency_key, fresh)
            return fresh, True

        record, first = await self._store.transaction(fn)
        if record["outcome"] == "voided":
            raise ChargeVoided("this payment was called off")
        if record["outcome"] == "declined":
            raise PaymentDeclined("the card was declined; nothing was charged")
        if token == "tok_timeout" and first:  # noqa: S105  a test token
            raise PaymentUnknown("the payment provider did not answer")
        return _charge(record)

    async def find_charge(self, idempotency_key: str) -> Charge | None:
        record = await self._store.get("sandbox_charges", idempotency_key)
        return _charge(record) if record is not None and record["outcome"] == "charged" else None

    async def void(self, idempotency_key: str) -> Charge | None:
        async def fn(tx: Transaction) -> Charge | None:
            record = await tx.get("sandbox_charges", idempotency_key)
            if record is None:
                tx.create("sandbox_charges", idempotency_key, {"outcome": "voided", "charge_id": ""})
                return None
            return _charge(record) if record["outcome"] == "charged" else None

        return await self._store.transaction(fn)

    async def refund(self, *, charge_id: str, amount_minor: int, idempotency_key: str) -> Refund:
        refund_id = self._ids.new("REF")

        async def fn(tx: Transaction) -> Refund:
            record = await tx.get("sandbox_refunds", idempotency_key)
            if record is not None:
                return Refund(record["refund_id"], record["charge_id"], record["amount_minor"])
            page = await tx.query(Query("sandbox_charges", (Filter("charge_id", "==", charge_id),), limit=1))
            if not page.documents:
                raise NotFound(f"there is no charge {charge_id}", code="charge_not_found")
            key, charge = page.documents[0].id, page.documents[0].data
            refunded = charge["refunded_minor"] + amount_minor
            if refunded > charge["amount_minor"]:
                raise Conflict("more than is left of the charge", code="refund_exceeds_charge")
            tx.set("sandbox_charges", key, {**charge, "refunded_minor": refunded})
            data = {"refund_id": refund_id, "charge_id": charge_id, "amount_minor": amount_minor}
            tx.create("sandbox_refunds", idempotency_key, data)
            return Refund(refund_id, charge_id, amount_minor)

        return await self._store.transaction(fn)

    async def ping(self) -> None:
        await self._store.ping()

    async def close(self) -> None:
        await self._store.close()


def _charge(record: dict[str, object]) -> Charge:
    return Charge(str(record["charge_id"]), int(str(record["amount_minor"])), str(record["currency"]))

"""A payment provider that moves no money: for a laptop, for tests, for trying things out.

It keeps what it did in documents of its own, apart from the box office's, as a real provider would: a crash of
the box office changes nothing here. Test tokens:

* `tok_visa` is authorised and captured.
* `tok_declined` is declined.
* `tok_timeout` is authorised, but the answer is lost (PaymentUnknown).
* `tok_timeout_before` is never authorised, and no answer comes (PaymentUnknown).
* `tok_capture_timeout` is captured, but the answer to the capture is lost (PaymentUnknown).
* `tok_capture_declined` is authorised, and its capture is refused.
* `tok_refund_refused` is authorised and captured, and its refunds are refused, as those of a disputed charge are.

A customer has the method that `store_method` put on file. Without one: ids that end in `-declined`, `-timeout`,
`-timeout-before`, `-capture-timeout`, `-capture-declined` or `-refund-refused` have the token of that name, all
others `tok_visa`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import NotFound
from usher_shared.ids import IdGenerator
from usher_tools.payments.ports import (
    Charge,
    ChargeVoided,
    PaymentDeclined,
    PaymentUnknown,
    Refund,
    RefundExceedsCharge,
    RefundRefused,
)

_BY_SUFFIX = {  # the first that fits
    "-capture-declined": "tok_capture_declined",
    "-capture-timeout": "tok_capture_timeout",
    "-refund-refused": "tok_refund_refused",
    "-declined": "tok_declined",
    "-timeout": "tok_timeout",
    "-timeout-before": "tok_timeout_before",
}
_GOOD = frozenset({"tok_visa", "tok_timeout", "tok_capture_timeout", "tok_capture_declined", "tok_refund_refused"})


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

    async def authorise(
        self, *, customer_id: str, amount_minor: int, currency: str, token: str, idempotency_key: str
    ) -> Charge:
        if token == "tok_timeout_before":  # noqa: S105  a test token
            raise _silence()
        fresh = {
            "charge_id": self._ids.new("CHG"),
            "customer_id": customer_id,
            "amount_minor": amount_minor,
            "currency": currency,
            "token": token,
            "outcome": "authorised" if token in _GOOD else "declined",
            "refunded_minor": 0,
        }

        async def fn(tx: Transaction) -> tuple[dict[str, Any], bool]:
            record = await tx.get("sandbox_charges", idempotency_key)
            if record is not None:
                return record, False
            tx.create("sandbox_charges", idempotency_key, fresh)
            return fresh, True

        record, first = await self._store.transaction(fn)
        if record["outcome"] == "voided":
            raise _voided()
        if record["outcome"] == "declined":
            raise PaymentDeclined("the card was declined; nothing was charged")
        if token == "tok_timeout" and first:  # noqa: S105  a test token
            raise _silence()
        return _charge(record)

    async def capture(self, *, charge_id: str, idempotency_key: str) -> Charge:
        async def fn(tx: Transaction) -> tuple[dict[str, Any], bool]:
            record = await tx.get("sandbox_charges", idempotency_key)
            if record is None or record["charge_id"] != charge_id:
                raise NotFound(f"there is no charge {charge_id}", code="charge_not_found")
            if record["outcome"] != "authorised":
                return record, False
            if record["token"] == "tok_capture_declined":  # noqa: S105  a test token
                raise PaymentDeclined("the bank refused the payment; nothing was charged")
            taken = {**record, "outcome": "captured"}
            tx.set("sandbox_charges", idempotency_key, taken)
            return taken, True

        record, first = await self._store.transaction(fn)
        if record["outcome"] != "captured":
            raise _voided()
        if record["token"] == "tok_capture_timeout" and first:  # noqa: S105  a test token
            raise _silence()
        return _charge(record)

    async def find(self, idempotency_key: str, *, customer_id: str, since: datetime | None = None) -> Charge | None:
        record = await self._store.get("sandbox_charges", idempotency_key)
        return None if record is None or record["customer_id"] != customer_id else _charge(record)

    async def void(
        self, idempotency_key: str, *, customer_id: str, last_asked: datetime, since: datetime | None = None
    ) -> Charge | None:
        never = {
            "charge_id": "",
            "customer_id": customer_id,
            "amount_minor": 0,
            "currency": "",
            "token": "",
            "outcome": "voided",
            "refunded_minor": 0,
        }

        async def fn(tx: Transaction) -> Charge | None:
            record = await tx.get("sandbox_charges", idempotency_key)
            if record is None:
                tx.create("sandbox_charges", idempotency_key, never)
            elif record["outcome"] == "authorised":
                tx.set("sandbox_charges", idempotency_key, {**record, "outcome": "voided"})
            elif record["outcome"] == "captured":
                return _charge(record)
            return None

        return await self._store.transaction(fn)

    async def refund(self, *, charge_id: str, amount_minor: int, idempotency_key: str) -> Refund:
        refund_id = self._ids.new("REF")

        async def fn(tx: Transaction) -> Refund:
            record = await tx.get("sandbox_refunds", idempotency_key)
            if record is not None:
                return Refund(record["refund_id"], record["charge_id"], record["amount_minor"])
            page = await tx.query(Query("sandbox_charges", (Filter("charge_id", "==", charge_id),), limit=1))
            if not page.documents:
                raise RefundRefused(f"there is no charge {charge_id}", code="charge_not_found")
            key, charge = page.documents[0].id, page.documents[0].data
            if charge["token"] == "tok_refund_refused":  # noqa: S105  a test token
                raise RefundRefused("the payment provider refused the refund")
            refunded = charge["refunded_minor"] + amount_minor
            if charge["outcome"] != "captured" or refunded > charge["amount_minor"]:
                raise RefundExceedsCharge("more than is left of the charge")
            tx.set("sandbox_charges", key, {**charge, "refunded_minor": refunded})
            data = {"refund_id": refund_id, "charge_id": charge_id, "amount_minor": amount_minor}
            tx.create("sandbox_refunds", idempotency_key, data)
            return Refund(refund_id, charge_id, amount_minor)

        return await self._store.transaction(fn)

    async def ping(self) -> None:
        await self._store.ping()

    async def close(self) -> None:
        await self._store.close()


def _silence() -> PaymentUnknown:
    return PaymentUnknown("the payment provider did not answer")


def _voided() -> ChargeVoided:
    return ChargeVoided("this payment was called off; nothing was charged")


def _charge(record: dict[str, Any]) -> Charge:
    return Charge(record["charge_id"], record["amount_minor"], record["currency"], record["outcome"])

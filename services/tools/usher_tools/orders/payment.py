"""Carrying an intent to its end: charge or refund at the provider, then settle in one transaction.

The intent is written, and the seats reserved, before the provider is asked; the provider's idempotency key is the
confirmation's id. Whatever happens in between (a crash, a lost answer), `advance` goes on from what is recorded: it
looks the charge up before it asks again, and nothing is ever charged under a second key.
"""

from __future__ import annotations

import logging
from typing import Any

from usher_shared.documents import Filter, Query, Transaction
from usher_shared.errors import Conflict, UpstreamFailed, UsherError
from usher_tools.office import Office, answer_json
from usher_tools.orders.changes import settle, undo
from usher_tools.orders.model import Intent
from usher_tools.payments.ports import Charge, ChargeVoided, PaymentDeclined, PaymentUnknown

_LOG = logging.getLogger(__name__)
_LOST = "the seats were taken by others before the payment went through; the charge has been given back"


def _recorded(intent: Intent) -> dict[str, Any]:
    """The answer of a finished intent. Raises the Conflict that it failed with."""
    if intent.answer is not None:
        return intent.answer
    failure = intent.failure or {"code": "payment_failed", "detail": "the payment failed"}
    raise Conflict(failure["detail"], code=failure["code"])


async def _read(tx: Transaction, intent_id: str) -> Intent:
    data = await tx.get("payment_intents", intent_id)
    if data is None:
        raise UpstreamFailed(f"payment intent {intent_id} is missing", code="intent_missing")
    return Intent.model_validate(data)


def _write(tx: Transaction, intent: Intent, **changes: Any) -> Intent:
    changed = intent.model_copy(update=changes)
    tx.set("payment_intents", intent.id, changed.model_dump(mode="json"))
    return changed


async def _fail(office: Office, intent_id: str, code: str, detail: str) -> Intent:
    """End the intent and undo what it reserved."""

    async def fn(tx: Transaction) -> Intent:
        intent = await _read(tx, intent_id)
        if not intent.open:
            return intent
        await undo(tx, office, intent)
        return _write(tx, intent, status="failed", open=False, failure={"code": code, "detail": detail})

    return await office.store.transaction(fn)


async def _settle(office: Office, intent_id: str, charge: Charge | None) -> Intent:
    """One transaction: state, intent (which spends the confirmation), idempotency record, event."""

    async def fn(tx: Transaction) -> Intent:
        intent = await _read(tx, intent_id)
        if intent.status not in ("charging", "refunding"):
            return intent
        lease = intent.lease
        record = None if lease is None else await tx.get("idempotency", lease.record_id)
        answer = await settle(tx, office, intent, charge)
        charge_id = None if charge is None else charge.id
        if answer is None:
            return _write(tx, intent, status="returning", charge_id=charge_id)
        body = answer_json(answer)
        if lease is not None and record is not None and record["owner"] == lease.owner and record["status"] is None:
            office.records.finish(tx, lease.idempotency(), 200, body)
        return _write(tx, intent, status="done", open=False, charge_id=charge_id, answer=body)

    with office.outbox.nudging():
        return await office.store.transaction(fn)


async def _give_back(office: Office, intent: Intent) -> Intent:
    if intent.charge_id is not None:
        await office.payments.refund(
            charge_id=intent.charge_id, amount_minor=intent.amount_minor, idempotency_key=f"{intent.id}:return"
        )
    return await _fail(office, intent.id, "seats_taken", _LOST)


async def _charge(office: Office, intent: Intent, *, look_first: bool) -> Charge | None:
    """The charge of the intent; None when nothing is due. Raises PaymentDeclined, ChargeVoided, PaymentUnknown."""
    if intent.amount_minor == 0:
        return None
    if look_first:
        found = await office.payments.find_charge(intent.id)
        if found is not None:
            return found
    try:
        return await office.payments.charge(
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            token=intent.token,
            idempotency_key=intent.id,
        )
    except PaymentUnknown:
        found = await office.payments.find_charge(intent.id)
        if found is None:
            raise
        return found


async def _refund(office: Office, intent: Intent) -> None:
    for number, part in enumerate(intent.allocations):
        await office.payments.refund(
            charge_id=part.charge_id, amount_minor=part.amount_minor, idempotency_key=f"{intent.id}:{number}"
        )


async def advance(office: Office, intent: Intent, *, resumed: bool) -> dict[str, Any]:
    """Carry the intent on and return its answer.

    Raises Conflict (payment_declined, seats_taken, refund_refused, payment_voided) for an intent that failed,
    PaymentUnknown when the provider does not say: call again later with `resumed`.
    """
    if intent.status == "charging":
        try:
            charge = await _charge(office, intent, look_first=resumed)
        except (PaymentDeclined, ChargeVoided) as error:
            return _recorded(await _fail(office, intent.id, error.code, error.detail))
        intent = await _settle(office, intent.id, charge)
    elif intent.status == "refunding":
        try:
            await _refund(office, intent)
        except Conflict as error:
            _LOG.error("the provider refused a refund", extra={"intent": intent.id, "detail": error.detail})
            return _recorded(await _fail(office, intent.id, "refund_refused", error.detail))
        intent = await _settle(office, intent.id, None)
    if intent.status == "returning":
        intent = await _give_back(office, intent)
    return _recorded(intent)


async def _reconcile_one(office: Office, intent: Intent) -> None:
    _, now = office.now()
    if intent.status != "charging":
        await advance(office, intent, resumed=True)
        return
    charge = await office.payments.find_charge(intent.id) if intent.amount_minor else None
    if charge is None and intent.amount_minor and intent.expires_at <= now:
        charge = await office.payments.void(intent.id)
        if charge is None:
            await _fail(office, intent.id, "payment_voided", "the payment was not completed; nothing was charged")
            return
    if charge is not None or not intent.amount_minor:
        settled = await _settle(office, intent.id, charge)
        if settled.status == "returning":
            await _give_back(office, settled)


async def reconcile(office: Office) -> int:
    """Look at every unfinished intent: finish what was paid, call off what was not in time; how many there were.

    Safe beside live requests and other processes: charges and refunds are once per key, ends are transactional.
    """
    page = await office.store.query(Query("payment_intents", (Filter("open", "==", True),), "created_at", limit=200))
    for document in page.documents:
        intent = Intent.model_validate(document.data)
        try:
            await _reconcile_one(office, intent)
        except UsherError as error:  # stays open: the next round looks again
            _LOG.warning("payment not reconciled", extra={"intent": intent.id, "code": error.code})
    return len(page.documents)

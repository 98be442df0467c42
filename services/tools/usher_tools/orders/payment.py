"""Carrying an intent to its end: authorise, recheck, capture; or refund; then settle in one transaction.

The intent is written, and the seats reserved, before the provider is asked; the provider's idempotency key is the
confirmation's id. What the intent records and what the provider holds under that key are all that is needed to go on:
after a crash or a lost answer the payment is looked up before anything is asked again, and nothing is ever paid under
a second key. `docs/guides/payments.md` draws the states.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from usher_shared.clock import from_timestamp, to_timestamp
from usher_shared.documents import Filter, Query, Transaction
from usher_shared.errors import Conflict, UsherError
from usher_tools.office import Office, answer_json
from usher_tools.orders.changes import settle, undo
from usher_tools.orders.model import Intent
from usher_tools.orders.records import read_intent, write_intent
from usher_tools.orders.refunding import ask_refunds, end_refused, pay_what_is_owed, return_charge
from usher_tools.orders.reservation import recheck
from usher_tools.payments.ports import Charge, ChargeVoided, PaymentDeclined, PaymentUnknown

_LOG = logging.getLogger(__name__)
_LOST = {"code": "seats_taken", "detail": "the seats were taken by others before the payment went through"}
_VOIDED = {"code": "payment_voided", "detail": "the payment was not completed; nothing was charged"}
_DECLINED = {"code": "payment_declined", "detail": "the card was declined; nothing was charged"}


def _recorded(intent: Intent) -> dict[str, Any]:
    """The answer of a finished intent. Raises the Conflict that it failed with."""
    if intent.answer is not None:
        return intent.answer
    failure = intent.failure or {"code": "payment_failed", "detail": "the payment failed"}
    raise Conflict(failure["detail"], code=failure["code"])


def _failure(error: Conflict) -> dict[str, str]:
    return {"code": error.code, "detail": error.detail}


async def _fail(office: Office, intent_id: str, failure: dict[str, str]) -> Intent:
    """End the intent and undo what it reserved."""

    async def fn(tx: Transaction) -> Intent:
        intent = await read_intent(tx, intent_id)
        if not intent.open:
            return intent
        await undo(tx, office, intent)
        return write_intent(tx, intent, status="failed", open=False, failure=failure)

    return await office.store.transaction(fn)


async def _settle(office: Office, intent_id: str, charge: Charge | None) -> Intent:
    """One transaction: state, intent (which spends the confirmation), idempotency record, event."""

    async def fn(tx: Transaction) -> Intent:
        intent = await read_intent(tx, intent_id)
        if intent.status not in ("charging", "refunding"):
            return intent
        lease = intent.lease
        record = None if lease is None else await tx.get("idempotency", lease.record_id)
        charge_id = None if charge is None else charge.id
        try:
            answer = await settle(tx, office, intent, charge)
        except Conflict as lost:  # raised before anything was written
            if intent.status == "refunding":
                raise
            return write_intent(tx, intent, status="returning", charge_id=charge_id, failure=_failure(lost))
        if answer is None:
            return write_intent(tx, intent, status="returning", charge_id=charge_id, failure=_LOST)
        body = answer_json(answer)
        if lease is not None and record is not None and record["owner"] == lease.owner and record["status"] is None:
            office.records.finish(tx, lease.idempotency(), 200, body)
        if intent.kind == "exchange_order" and intent.allocations:
            return write_intent(tx, intent, status="owing", charge_id=charge_id, answer=body)
        return write_intent(tx, intent, status="done", open=False, charge_id=charge_id, answer=body)

    with office.outbox.nudging():
        return await office.store.transaction(fn)


async def _give_back(office: Office, intent: Intent) -> Intent:
    """The charge of an intent that cannot be settled, back to the customer once."""
    failure = intent.failure or _LOST
    if intent.charge_id is not None:
        if await return_charge(office, intent, intent.charge_id):
            failure = {**failure, "detail": f"{failure['detail']}; the charge has been given back"}
        else:
            words = f"{failure['detail']}; the charge could not be given back yet: our staff will see to it"
            failure = {"code": "refund_refused", "detail": words}
    return await _fail(office, intent.id, failure)


async def _authorise(office: Office, intent: Intent, *, resumed: bool) -> Charge | None:
    """What the provider holds for the intent; None: nothing, and the time to ask is over.

    Raises PaymentDeclined, ChargeVoided, PaymentUnknown.
    """
    if resumed:
        found = await _find(office, intent)
        if found is not None or intent.expires_at <= office.now()[1]:
            return found
    try:
        return await office.payments.authorise(
            customer_id=intent.customer_id,
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            token=intent.token,
            idempotency_key=intent.id,
        )
    except PaymentUnknown:
        found = await _find(office, intent)
        if found is None:
            raise
        return found


async def _find(office: Office, intent: Intent) -> Charge | None:
    since = from_timestamp(intent.created_at)
    return await office.payments.find(intent.id, customer_id=intent.customer_id, since=since)


async def _void(office: Office, intent: Intent) -> Charge | None:
    return await office.payments.void(
        intent.id,
        customer_id=intent.customer_id,
        last_asked=from_timestamp(intent.expires_at),  # no authorisation is asked for later
        since=from_timestamp(intent.created_at),
    )


async def _capture(office: Office, intent: Intent, charge: Charge) -> Charge:
    """Raises PaymentDeclined, ChargeVoided, PaymentUnknown."""
    try:
        return await office.payments.capture(charge_id=charge.id, idempotency_key=intent.id)
    except PaymentUnknown:
        found = await _find(office, intent)
        if found is None or found.state == "authorised":
            raise
        return found


async def _call_off(office: Office, intent: Intent, failure: dict[str, str]) -> Intent:
    """Void, and end the intent; what was captured meanwhile is settled or given back instead."""
    charge = await _void(office, intent)
    if charge is None:
        return await _fail(office, intent.id, failure)
    return await _complete(office, intent, charge)


async def _complete(office: Office, intent: Intent, charge: Charge | None) -> Intent:
    """From what the provider holds to the intent's end. `charge` is None when nothing is due."""
    if charge is not None and charge.state == "authorised":
        try:
            await recheck(office, intent)
        except Conflict as changed:
            return await _call_off(office, intent, _failure(changed))
        try:
            charge = await _capture(office, intent, charge)
        except PaymentDeclined as refused:
            return await _call_off(office, intent, _failure(refused))
        except ChargeVoided:
            return await _fail(office, intent.id, _VOIDED)
    if charge is not None and charge.state in ("voided", "declined"):
        return await _fail(office, intent.id, _VOIDED if charge.state == "voided" else _DECLINED)
    settled = await _settle(office, intent.id, charge)
    if settled.status == "returning":
        return await _give_back(office, settled)
    if settled.status == "owing":
        await pay_what_is_owed(office, settled)
    if charge is not None:
        await tidy(office, settled)
    return settled


async def _pay(office: Office, intent: Intent, *, resumed: bool) -> Intent:
    if intent.amount_minor == 0:
        return await _complete(office, intent, None)
    try:
        charge = await _authorise(office, intent, resumed=resumed)
    except (PaymentDeclined, ChargeVoided) as error:
        return await _fail(office, intent.id, _failure(error))
    if charge is None:
        return await _call_off(office, intent, _VOIDED)
    return await _complete(office, intent, charge)


async def advance(office: Office, intent: Intent, *, resumed: bool) -> dict[str, Any]:
    """Carry the intent on and return its answer.

    Raises Conflict (payment_declined, seats_taken, refund_refused, payment_voided) for an intent that failed,
    PaymentUnknown when the provider does not say: call again later with `resumed`.
    """
    if intent.status == "charging":
        return _recorded(await _pay(office, intent, resumed=resumed))
    if intent.status == "refunding":
        given, refused = await ask_refunds(office, intent)
        if refused is not None:
            return _recorded(await end_refused(office, intent.id, given, refused.detail))
        intent = await _settle(office, intent.id, None)
    if intent.status == "returning":
        intent = await _give_back(office, intent)
    if intent.status == "owing":
        await pay_what_is_owed(office, intent)
    return _recorded(intent)


async def reconcile_one(office: Office, intent: Intent) -> None:
    """Look the payment up and carry the intent on as far as that allows, asking for no new payment.

    Raises PaymentUnknown.
    """
    if intent.status != "charging":
        await advance(office, intent, resumed=True)
        return
    charge = await _find(office, intent) if intent.amount_minor else None
    if charge is not None or not intent.amount_minor:
        await _complete(office, intent, charge)
    elif intent.expires_at <= office.now()[1]:
        await _call_off(office, intent, _VOIDED)


async def tidy(office: Office, intent: Intent) -> None:
    """Leave nothing at the provider for an intent that failed: an authorisation is given up, a charge given back.

    There is none unless the provider did something after it had said that it never would. Raises PaymentUnknown.
    """
    if intent.status != "failed" or intent.kind == "refund_order" or not intent.amount_minor:
        return
    charge = await _find(office, intent)
    if charge is None or charge.state in ("voided", "declined"):
        return
    if charge.state == "authorised":
        charge = await _void(office, intent)
    if charge is not None and intent.charge_id is None:
        await return_charge(office, intent, charge.id)


async def reconcile(office: Office, *, older_than_seconds: float = 0) -> int:
    """Look at every unfinished intent: finish what was paid, call off what was not in time; how many there were.

    Those younger than `older_than_seconds` are left to the request that made them. Safe beside live requests and
    other processes: payments and refunds are once per key, ends are transactional.
    """
    latest = to_timestamp(office.clock.now() - timedelta(seconds=older_than_seconds))
    where = (Filter("open", "==", True),)
    seen, after = 0, None
    while True:
        page = await office.store.query(Query("payment_intents", where, "created_at", limit=100, after=after))
        for document in page.documents:
            if document.data["created_at"] > latest:
                return seen
            seen += 1
            try:
                await reconcile_one(office, Intent.model_validate(document.data))
            except UsherError as error:  # stays open: the next round looks again
                _LOG.warning("payment not reconciled", extra={"intent": document.id, "code": error.code})
            except Exception:  # stays open too, and the younger ones do not wait for it
                _LOG.exception("payment not reconciled", extra={"intent": document.id})
        if page.next_cursor is None:
            return seen
        after = page.next_cursor

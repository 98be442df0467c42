"""Asking the provider to give money back, and what to do where it refuses.

It refuses for good what somebody has given back at the provider itself, and a charge that is disputed or that it does
not have. What did go back is booked then, and a person is told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from usher_shared.contracts.money import format_money
from usher_shared.documents import Transaction
from usher_shared.errors import UsherError
from usher_shared.events.catalogue import TicketRefunded
from usher_tools.office import Office
from usher_tools.orders.model import Allocation, Change, Intent
from usher_tools.orders.records import (
    announce,
    mark_pending,
    order_facts,
    read_intent,
    read_order,
    without,
    write_intent,
)
from usher_tools.payments.ports import RefundRefused
from usher_tools.policies.service import spend_waiver
from usher_tools.support.model import StoredTicket

_LOG = logging.getLogger(__name__)


def _ticket(office: Office, intent: Intent, given: int, detail: str) -> StoredTicket:
    due = sum(part.amount_minor for part in intent.allocations if not part.as_credit) or intent.amount_minor
    back = format_money(given, intent.currency)
    return StoredTicket(
        subject="A refund that the payment provider refused",
        details=f"{format_money(due, intent.currency)} should have gone back, {back} did: {detail}",
        order_id=intent.order_id,
        customer_id=intent.customer_id,
        client_id=intent.client_id,
        conversation_id=intent.conversation_id,
        created_at=office.now()[1],
    )


def _ticket_id(intent: Intent) -> str:
    return f"SUP_{intent.id}"


async def _tell_a_person(
    tx: Transaction, office: Office, intent: Intent, given: Sequence[Allocation], why: str
) -> None:
    """Open a support ticket, once for the intent."""
    if await tx.get("support_tickets", _ticket_id(intent)) is None:
        ticket = _ticket(office, intent, sum(part.amount_minor for part in given), why)
        tx.create("support_tickets", _ticket_id(intent), ticket.model_dump(mode="json"))


async def _book_refusal(tx: Transaction, office: Office, intent: Intent, given: Sequence[Allocation], why: str) -> None:
    """The order with less paid for the same seats: they stay the customer's until a person has looked."""
    order, amount = await read_order(tx, intent.order_id), sum(part.amount_minor for part in given)
    await _tell_a_person(tx, office, intent, given, why)
    if not given:
        mark_pending(tx, order, None)
        return
    text = "Refunded in part: the payment provider refused the rest"
    now = office.now()[1]
    change = Change(at=now, change=text, amount_minor=-amount)
    changed = order.model_copy(
        update={
            "total_minor": order.total_minor - amount,
            "payments": without(order.payments, refunded=given),
            "given_minor": order.given_minor + amount,
            "history": [*order.history, change],
            "pending": None,
        }
    )
    tx.set("orders", order.id, changed.model_dump(mode="json"))
    if intent.waiver is not None:
        spend_waiver(tx, intent.waiver, now)
    data = TicketRefunded(
        **order_facts(changed, intent), refunded_minor=amount, refunded_seat_ids=[], refund_id=intent.id, kind="refund"
    )
    announce(tx, office, intent, "usher.ticket_refunded.v1", data)


async def ask_refunds(office: Office, intent: Intent) -> tuple[list[Allocation], RefundRefused | None]:
    """What went back, and why a part of it was refused. The same however often it is asked. Raises PaymentUnknown."""
    given: list[Allocation] = []
    refused: RefundRefused | None = None
    for number, part in enumerate(intent.allocations):
        if part.as_credit:  # granted when the intent is settled
            continue
        try:
            await office.payments.refund(
                charge_id=part.charge_id, amount_minor=part.amount_minor, idempotency_key=f"{intent.id}:{number}"
            )
            given.append(part)
        except RefundRefused as error:
            _LOG.error("the provider refused a refund", extra={"intent": intent.id, "detail": error.detail})
            refused = error
    return given, refused


async def end_refused(office: Office, intent_id: str, given: list[Allocation], why: str) -> Intent:
    """End the refund with what went back of it."""

    async def fn(tx: Transaction) -> Intent:
        intent = await read_intent(tx, intent_id)
        if not intent.open:
            return intent
        await _book_refusal(tx, office, intent, given, why)
        failure = {"code": "refund_refused", "detail": why}
        amount = sum(part.amount_minor for part in given)
        return write_intent(tx, intent, status="failed", open=False, given_minor=amount, failure=failure)

    with office.outbox.nudging():
        return await office.store.transaction(fn)


async def return_charge(office: Office, intent: Intent, charge_id: str) -> bool:
    """Give all of a charge back whose intent cannot be settled, once; where it is refused, a person is told: False.

    Raises PaymentUnknown.
    """
    try:
        await office.payments.refund(
            charge_id=charge_id, amount_minor=intent.amount_minor, idempotency_key=f"{intent.id}:return"
        )
    except RefundRefused as error:
        why = error.detail
        _LOG.error("the provider refused to give a charge back", extra={"intent": intent.id, "detail": why})
        await office.store.transaction(lambda tx: _tell_a_person(tx, office, intent, (), why))
        return False
    return True


async def pay_what_is_owed(office: Office, intent: Intent) -> None:
    """The difference of an exchange, back to the customer; reconciling asks again where the provider is silent."""
    try:
        given, refused = await ask_refunds(office, intent)
    except UsherError as error:  # the exchange is made: whatever this is, it does not undo the answer
        _LOG.warning("the difference of an exchange is still owed", extra={"intent": intent.id, "code": error.code})
        return

    async def fn(tx: Transaction) -> None:
        present = await read_intent(tx, intent.id)
        if present.status != "owing":
            return
        ended: dict[str, Any] = {"status": "done", "open": False}
        if refused is not None:
            await _tell_a_person(tx, office, present, given, refused.detail)
            ended["given_minor"] = sum(part.amount_minor for part in given)
            ended["failure"] = {"code": refused.code, "detail": refused.detail}
        write_intent(tx, present, **ended)

    await office.store.transaction(fn)

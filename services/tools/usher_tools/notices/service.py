"""Acting on a provider's notification: look the payment up, carry its intent on.

What a notification says decides nothing: it only makes us look now and not at the next round. Late, doubled and
reordered ones change nothing, and one that gets lost costs nothing but time.
"""

from __future__ import annotations

import logging

from usher_shared.clock import from_timestamp
from usher_shared.documents import Filter, Query, Transaction
from usher_shared.errors import Conflict
from usher_tools.office import Office
from usher_tools.orders.contested import contest
from usher_tools.orders.model import Intent
from usher_tools.orders.payment import reconcile_one, tidy
from usher_tools.payments.ports import Notice
from usher_tools.support.model import StoredTicket

_LOG = logging.getLogger(__name__)


async def take_notice(notice: Notice, office: Office) -> None:
    """Raises PaymentUnknown and other UpstreamErrors: the provider tells us again later."""
    intent = await _intent(notice, office)
    if intent is None:
        return  # a payment of somebody else's with the same account
    if notice.foreign is not None:
        await _tell_a_person(notice, intent, office)
    if not intent.open:
        await tidy(office, intent)
    elif not await _in_hands(intent, office):
        try:
            await reconcile_one(office, intent)
        except Conflict as ended:  # an end too: it is recorded
            _LOG.info("a payment ended", extra={"intent": intent.id, "code": ended.code})


async def _intent(notice: Notice, office: Office) -> Intent | None:
    if notice.payment_key is not None:
        data = await office.store.get("payment_intents", notice.payment_key)
        return None if data is None else Intent.model_validate(data)
    if notice.charge_id is None:
        return None
    found = await office.store.query(Query("payment_intents", (Filter("charge_id", "==", notice.charge_id),), limit=1))
    return Intent.model_validate(found.documents[0].data) if found.documents else None


async def _in_hands(intent: Intent, office: Office) -> bool:
    """Whether a request is carrying the intent on at this moment: most notifications come while it does."""
    if intent.lease is None:
        return False
    record = await office.store.get("idempotency", intent.lease.record_id)
    if record is None or record["status"] is not None:
        return False
    return from_timestamp(record["leased_until"]) > office.clock.now()


async def _tell_a_person(notice: Notice, intent: Intent, office: Office) -> None:
    """A support ticket, once for each refund or dispute; until it is closed the orders that the charge paid for give
    nothing back, since the money is gone. Their tickets stay good.
    """
    ticket_id = f"SUP_{notice.reference}"
    subject = f"A {notice.foreign} at the payment provider"
    details = (
        f"The payment provider reports a {notice.foreign} ({notice.reference}) of the charge {notice.charge_id}. "
        "It was not made by the box office, or did not reach the customer: no order has been changed."
    )
    charge_id = None if notice.foreign == "failed refund" else notice.charge_id
    if charge_id is not None:
        details += " Refunds, credit, exchanges and upgrades of what it paid for are refused until this is closed."

    async def write(tx: Transaction) -> bool:
        if await tx.get("support_tickets", ticket_id) is not None:
            return False
        orders = [] if charge_id is None else await contest(tx, intent.order_id, charge_id, ticket_id)
        for order in orders:
            tx.set("orders", order.id, order.model_dump(mode="json"))
        ticket = StoredTicket(
            subject=subject,
            details=details,
            order_id=intent.order_id,
            charge_id=charge_id,
            customer_id=intent.customer_id,
            client_id=intent.client_id,
            conversation_id=intent.conversation_id,
            created_at=office.now()[1],
        )
        tx.create("support_tickets", ticket_id, ticket.model_dump(mode="json"))
        return True

    if await office.store.transaction(write):
        _LOG.error(subject, extra={"ticket": ticket_id, "order": intent.order_id})

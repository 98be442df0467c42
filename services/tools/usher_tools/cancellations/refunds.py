"""Giving one order of a cancelled event back, in full and once.

The intent is that of a customer's refund, under the id `cancel:<event>:<order>`: whoever tries again, after a crash, an
outage or beside another process, goes on with the same intent and asks the provider under the same keys. A refund that
was refused is tried again as a new intent, `cancel:<event>:<order>:<n>`: what is left of the order's charges may be
another amount by then, and a provider repeats its refusal for a key.
"""

from __future__ import annotations

import logging
from typing import Literal

from usher_shared.contracts.tools import RefundOrder
from usher_shared.documents import Transaction
from usher_shared.errors import Conflict, UsherError
from usher_shared.telemetry import current_traceparent
from usher_tools.cancellations.model import Cancellation
from usher_tools.office import Office
from usher_tools.orders.model import Breakdown, Intent, Order, total
from usher_tools.orders.payment import advance
from usher_tools.orders.pricing import Priced
from usher_tools.orders.records import intent_end, mark_pending
from usher_tools.orders.returns import price_return

_LOG = logging.getLogger(__name__)
Outcome = Literal["refunded", "pending", "failed", "before"]


def refund_id(event_id: str, order_id: str) -> str:
    return f"cancel:{event_id}:{order_id}"


def refunded_by_us(order: Order) -> int | None:
    """What the cancellation gave back for the order, minor units; None when it did not."""
    first = refund_id(order.event_id, order.id)
    given = [c for c in order.history if c.intent_id == first or (c.intent_id or "").startswith(f"{first}:")]
    return -sum(change.amount_minor for change in given) if given else None


def _new_intent(id: str, office: Office, cancellation: Cancellation, order: Order, priced: Priced) -> Intent:
    moment, now = office.now()
    return Intent(
        id=id,
        kind="refund_order",
        status="refunding",
        open=True,
        quote_id="",
        fingerprint="",
        customer_id=order.customer_id,
        client_id=order.client_id,
        conversation_id=None,
        traceparent=current_traceparent(),
        order_id=order.id,
        event_id=order.event_id,
        seats=priced.seats,
        amount_minor=-priced.total_minor,
        currency=order.currency,
        breakdown=Breakdown(
            price_minor=priced.subtotal_minor,
            fees_minor=priced.fees_minor,
            taxes_minor=priced.taxes_minor,
            taxes=priced.tax_lines,
        ),
        allocations=priced.allocations,
        reason=f"the event was cancelled: {cancellation.reason}",
        lease=None,
        created_at=now,
        expires_at=intent_end(office, moment),
    )


async def _latest(tx: Transaction, first_id: str) -> tuple[Intent | None, str]:
    """The order's newest refund by this cancellation, and the id of the next one."""
    latest, id, number = None, first_id, 0
    while (found := await tx.get("payment_intents", id)) is not None:
        latest, number = Intent.model_validate(found), number + 1
        id = f"{first_id}:{number}"
    return latest, id


async def _claim(office: Office, cancellation: Cancellation, order_id: str) -> Intent | None:
    """The order's refund, made or found; None when there is nothing to give back any more.

    Raises Conflict: order_busy, order_contested, refund_refused (before, and not to be tried again, or in part).
    """

    async def claim(tx: Transaction) -> Intent | None:
        data = await tx.get("orders", order_id)
        latest, next_id = await _latest(tx, refund_id(cancellation.event_id, order_id))
        if data is None or not data["seats"]:
            return None
        if latest is not None and latest.open:
            return latest
        if latest is not None and not cancellation.retry:
            raise Conflict("the provider refused this refund", code="refund_refused")
        order = Order.model_validate(data)
        priced = await price_return(tx, RefundOrder(order_id=order.id), order.customer_id, office)
        intent = _new_intent(next_id, office, cancellation, order, priced)
        tx.create("payment_intents", intent.id, intent.model_dump(mode="json"))
        mark_pending(tx, order, intent.id)
        return intent

    return await office.store.transaction(claim)


async def refund_one(office: Office, cancellation: Cancellation, order: Order) -> tuple[Outcome, int]:
    """Carry the order's refund as far as it goes now: how it stands, and the minor units that are meant."""
    due = total(order.seats)
    try:
        intent = await _claim(office, cancellation, order.id)
        if intent is None:
            data = await office.store.get("orders", order.id)
            given = None if data is None else refunded_by_us(Order.model_validate(data))
            return ("before", 0) if given is None else ("refunded", given)
        await advance(office, intent, resumed=True)
    except Conflict as error:
        if error.code == "order_busy":
            return "pending", due
        _LOG.error("a refund for a cancelled event failed", extra={"order": order.id, "code": error.code})
        return "failed", due
    except UsherError as error:  # an outage: the next round asks under the same keys
        _LOG.warning("a refund for a cancelled event waits", extra={"order": order.id, "code": error.code})
        return "pending", due
    except Exception:  # a fault of ours: the other orders' refunds do not wait for this one's
        _LOG.exception("a refund for a cancelled event failed", extra={"order": order.id})
        return "pending", due
    return "refunded", intent.amount_minor

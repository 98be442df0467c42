"""Orders whose payment somebody disputes, or gave back, at the provider.

Their tickets stay good. What would give the money out once more, or better tickets for it, waits until a person has
looked at it and closed the support ticket. Every function but the check reads only; its caller writes.
"""

from __future__ import annotations

from usher_shared.documents import Transaction
from usher_shared.errors import Conflict
from usher_tools.orders.model import Intent, Order


def check_not_contested(order: Order) -> None:
    """Raises Conflict order_contested, naming the support ticket."""
    if order.contested:
        ticket = order.contested[0]
        raise Conflict(
            f"A payment of this order is disputed or was given back. Our staff will look at it: ticket {ticket}.",
            code="order_contested",
            extra={"ticket_id": ticket},
        )


async def _with_exchanged(tx: Transaction, order_id: str) -> list[Order]:
    """The order and those that its tickets were exchanged for, however many exchanges later."""
    found: list[Order] = []
    ids = [order_id]
    while ids:
        data = await tx.get("orders", ids.pop())
        if data is None:
            continue
        order = Order.model_validate(data)
        found.append(order)
        for intent_id in dict.fromkeys(change.intent_id for change in order.history if change.intent_id):
            made = await tx.get("payment_intents", intent_id)
            intent = None if made is None else Intent.model_validate(made)
            if intent is not None and intent.exchanged_order_id == order.id:
                ids.append(intent.order_id)
    return found


async def contest(tx: Transaction, order_id: str, charge_id: str, ticket_id: str) -> list[Order]:
    """The order that was paid with the charge, and those that it moved on to, to be written as contested."""
    return [
        order.model_copy(update={"contested": [*order.contested, ticket_id]})
        for order in await _with_exchanged(tx, order_id)
        if ticket_id not in order.contested and any(payment.charge_id == charge_id for payment in order.payments)
    ]


async def settle_contest(tx: Transaction, order_id: str, ticket_id: str) -> list[Order]:
    """The orders that the ticket kept contested, to be written without it."""
    return [
        order.model_copy(update={"contested": [id for id in order.contested if id != ticket_id]})
        for order in await _with_exchanged(tx, order_id)
        if ticket_id in order.contested
    ]

"""What a refund or a credit does to seats and orders, once the money is back or kept for the customer.

Every function runs inside a transaction and reads before it writes.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderCredited, OrderRefunded
from usher_shared.documents import Transaction
from usher_shared.events.catalogue import TicketRefunded
from usher_tools.office import Office
from usher_tools.orders.model import Change, Intent
from usher_tools.orders.records import announce, mark_pending, order_facts, paid_back, read_order, reduced, seats_of
from usher_tools.seats.ledger import SeatLedger
from usher_tools.store_credit.model import CreditAccount


def credit_back(intent: Intent) -> int:
    """What of the intent's amount goes to the customer's store credit, minor units."""
    if intent.kind == "credit_order":
        return intent.amount_minor
    return sum(part.amount_minor for part in intent.allocations if part.as_credit)


async def settle_return(tx: Transaction, office: Office, intent: Intent, account: CreditAccount | None) -> BaseModel:
    """Free the seats and shorten the order. `account` is the customer's, before credit is granted."""
    _, now = office.now()
    order = await read_order(tx, intent.order_id)
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    ledger.take_back(seats, order.id)
    ledger.save(tx)
    refunds, granted = intent.kind == "refund_order", credit_back(intent)
    names = ", ".join(seat.id for seat in intent.seats)
    text = f"{'Refunded' if refunds else 'Credited'} {names}{f' ({intent.reason})' if intent.reason else ''}"
    change = Change(at=now, change=text, amount_minor=-intent.amount_minor, intent_id=intent.id)
    changed = reduced(
        order,
        intent.seats,
        change,
        {True: "partially_refunded", False: "refunded"} if refunds else {True: "partially_credited", False: "credited"},
        paid_back(order.payments, intent),
    )
    tx.set("orders", order.id, changed.model_dump(mode="json"))
    data = TicketRefunded(
        **order_facts(changed, intent),
        refunded_minor=intent.amount_minor,
        refunded_seat_ids=[seat.id for seat in intent.seats],
        refund_id=intent.id,
        kind="refund" if refunds else "credit",
        credited_minor=granted,
    )
    announce(tx, office, intent, "usher.ticket_refunded.v1", data)
    amount = to_major(intent.amount_minor, order.currency)
    if refunds:
        return OrderRefunded(
            order_id=order.id,
            status="partially_refunded" if changed.seats else "refunded",
            refunded=amount,
            credit=to_major(granted, order.currency),
            currency=order.currency,
        )
    balance = granted + (account.balance_minor if account else 0)
    return OrderCredited(
        order_id=order.id,
        status="partially_credited" if changed.seats else "credited",
        credited=amount,
        balance=to_major(balance, order.currency),
        currency=order.currency,
    )


async def undo_return(tx: Transaction, office: Office, intent: Intent) -> None:
    order = await read_order(tx, intent.order_id)
    if order.pending == intent.id:
        mark_pending(tx, order, None)

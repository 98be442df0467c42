"""What a refund does to seats and orders, once the money is back.

Every function runs inside a transaction and reads before it writes.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderRefunded
from usher_shared.documents import Transaction
from usher_shared.events.catalogue import TicketRefunded
from usher_tools.office import Office
from usher_tools.orders.model import Change, Intent
from usher_tools.orders.records import announce, mark_pending, order_facts, read_order, seats_of
from usher_tools.seats.ledger import SeatLedger


async def settle_refund(tx: Transaction, office: Office, intent: Intent) -> BaseModel:
    """The money is back: free the seats and shorten the order."""
    _, now = office.now()
    order = await read_order(tx, intent)
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    ledger.take_back(seats, order.id)
    ledger.save(tx)
    given = {part.charge_id: part.amount_minor for part in intent.allocations}
    gone = {seat.id for seat in intent.seats}
    left = [seat for seat in order.seats if seat.id not in gone]
    reason = f" ({intent.reason})" if intent.reason else ""
    names = ", ".join(seat.id for seat in intent.seats)
    change = Change(at=now, change=f"Refunded {names}{reason}", amount_minor=-intent.amount_minor, intent_id=intent.id)
    changed = order.model_copy(
        update={
            "status": "partially_refunded" if left else "refunded",
            "seats": left,
            "total_minor": order.total_minor - intent.amount_minor,
            "payments": [
                p.model_copy(update={"refunded_minor": p.refunded_minor + given.get(p.charge_id, 0)})
                for p in order.payments
            ],
            "history": [*order.history, change],
            "pending": None,
        }
    )
    tx.set("orders", order.id, changed.model_dump(mode="json"))
    data = TicketRefunded(
        **order_facts(changed, intent),
        refunded_minor=intent.amount_minor,
        refunded_seat_ids=[seat.id for seat in intent.seats],
        refund_id=intent.id,
    )
    announce(tx, office, intent, "usher.ticket_refunded.v1", data)
    return OrderRefunded(
        order_id=order.id,
        status="partially_refunded" if left else "refunded",
        refunded=to_major(intent.amount_minor, order.currency),
        currency=order.currency,
    )


async def undo_refund(tx: Transaction, office: Office, intent: Intent) -> None:
    order = await read_order(tx, intent)
    if order.pending == intent.id:
        mark_pending(tx, order, None)

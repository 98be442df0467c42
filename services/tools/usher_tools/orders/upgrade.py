"""What an upgrade does to seats and orders: the old seats stay until the new ones are paid.

Every function runs inside a transaction and reads before it writes.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import TicketsUpgraded
from usher_shared.documents import Transaction
from usher_shared.events.catalogue import TicketUpgraded
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Change, Intent, Order, Payment
from usher_tools.orders.records import announce, mark_pending, obtainable, order_facts, read_order, seats_of
from usher_tools.orders.reservation import check_not_cancelled
from usher_tools.orders.wording import describe_seats
from usher_tools.payments.ports import Charge
from usher_tools.seats.layout import Seat
from usher_tools.seats.ledger import SeatLedger


async def reserve_upgrade(tx: Transaction, office: Office, intent: Intent, order: Order) -> list[Seat]:
    """Hold the new seats in the intent's name and mark the order; the seats that are taken, if any."""
    _, now = office.now()
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    taken = ledger.taken(seats)
    if not taken:
        ledger.hold(seats, intent.hold_id, intent.expires_at)
        ledger.save(tx)
        mark_pending(tx, order, intent.id)
    return taken


async def settle_upgrade(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    _, now = office.now()
    event = await find_event(tx, intent.event_id)
    check_not_cancelled(event)
    order = await read_order(tx, intent.order_id)
    new = await seats_of(tx, office, intent.event_id, intent.seats)
    old = await seats_of(tx, office, intent.event_id, intent.previous_seats)
    ledger = await SeatLedger.load(tx, intent.event_id, [*new, *old], now)
    if len(new) < len(intent.seats) or not obtainable(ledger, new, intent.hold_id, now):
        return None
    ledger.sell(new, order.id, intent.hold_id)
    ledger.take_back(old, order.id)
    ledger.save(tx)
    payments = list(order.payments)
    if charge is not None:
        payments.append(Payment(charge_id=charge.id, amount_minor=charge.amount_minor))
    change = f"Moved to {describe_seats(event, intent.seats)}"
    changed = order.model_copy(
        update={
            "status": "upgraded" if order.status == "confirmed" else order.status,
            "seats": intent.seats,
            "total_minor": order.total_minor + intent.amount_minor,
            "payments": payments,
            "history": [
                *order.history,
                Change(at=now, change=change, amount_minor=intent.amount_minor, intent_id=intent.id),
            ],
            "pending": None,
        }
    )
    tx.set("orders", order.id, changed.model_dump(mode="json"))
    data = TicketUpgraded(
        **order_facts(changed, intent),
        price_delta_minor=intent.amount_minor,
        previous_seats=[seat.sold() for seat in intent.previous_seats],
        payment_id=charge.id if charge else None,
    )
    announce(tx, office, intent, "usher.ticket_upgraded.v1", data)
    return TicketsUpgraded(
        order_id=order.id,
        status="upgraded",
        price_delta=to_major(intent.amount_minor, order.currency),
        total=to_major(changed.total_minor, order.currency),
        currency=order.currency,
        seats=[seat.offer(order.currency) for seat in changed.seats],
    )


async def undo_upgrade(tx: Transaction, office: Office, intent: Intent) -> None:
    """The old seats were never given up: free the new ones, and the order for other changes."""
    _, now = office.now()
    order = await read_order(tx, intent.order_id)
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    ledger.release(seats, intent.hold_id)
    ledger.save(tx)
    if order.pending == intent.id:
        mark_pending(tx, order, None)

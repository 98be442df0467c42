"""What a purchase does to seats and orders: reserve before the money moves, settle after, undo.

Every function runs inside a transaction and reads before it writes.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderCreated
from usher_shared.documents import Transaction
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Change, Intent
from usher_tools.orders.records import announce_purchase, confirmed_order, obtainable, seats_of
from usher_tools.orders.reservation import check_not_cancelled
from usher_tools.orders.wording import tickets
from usher_tools.payments.ports import Charge
from usher_tools.seats.layout import Seat
from usher_tools.seats.ledger import SeatLedger
from usher_tools.seats.model import StoredHold


async def reserve_purchase(tx: Transaction, office: Office, intent: Intent, hold: StoredHold) -> list[Seat]:
    """Keep the hold's seats until the intent ends, so that they cannot lapse while the customer pays.

    Returns those that others have, if any, and has then written nothing: the hold may have ended by another process's
    clock, and its seats been taken over, before it ends by ours.
    """
    _, now = office.now()
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    lost = [seat for seat in seats if not obtainable(ledger, [seat], hold.id, now)]
    if lost:
        return lost
    until = max(hold.expires_at, intent.expires_at)
    ledger.hold(seats, hold.id, until)
    ledger.save(tx)
    tx.set("holds", hold.id, hold.model_copy(update={"status": "paying", "expires_at": until}).model_dump(mode="json"))
    return []


async def settle_purchase(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    _, now = office.now()
    event = await find_event(tx, intent.event_id)
    check_not_cancelled(event)
    hold = await tx.get("holds", intent.hold_id)
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    if len(seats) < len(intent.seats) or not obtainable(ledger, seats, intent.hold_id, now):
        return None
    ledger.sell(seats, intent.order_id, intent.hold_id)
    ledger.save(tx)
    if hold is not None:
        tx.set("holds", intent.hold_id, {**hold, "status": "sold", "expires_at": now})
    cost = intent.amount_minor + intent.credit_minor
    bought = Change(at=now, change=f"Bought {tickets(len(seats))}", amount_minor=cost, intent_id=intent.id)
    order = confirmed_order(intent, charge, event, bought)
    tx.create("orders", order.id, order.model_dump(mode="json"))
    announce_purchase(tx, office, intent, order, charge)
    return OrderCreated(
        order_id=order.id,
        status="confirmed",
        total=to_major(order.total_minor, order.currency),
        credit=to_major(intent.credit_minor, order.currency),
        currency=order.currency,
        event_id=event.id,
        event_name=event.name,
        seats=[seat.offer(order.currency) for seat in order.seats],
    )


async def undo_purchase(tx: Transaction, office: Office, intent: Intent) -> None:
    """The hold as it was before the payment: still alive, or lapsed and then released."""
    _, now = office.now()
    data = await tx.get("holds", intent.hold_id)
    seats = await seats_of(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    if data is None or data["status"] != "paying":
        return
    before = intent.hold_expires_at or now
    if before > now and ledger.belongs_to(seats, intent.hold_id):
        ledger.hold(seats, intent.hold_id, before)
        restored = {**data, "status": "held", "expires_at": before}
    else:
        ledger.release(seats, intent.hold_id)
        restored = {**data, "status": "released", "expires_at": now}
    ledger.save(tx)
    tx.set("holds", intent.hold_id, restored)

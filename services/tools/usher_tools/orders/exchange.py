"""What an exchange does: the held seats become a new order, and the old one gives up its seats and their value.

Both happen in one transaction, after what is still due was paid; before it the old order has its seats, after it the
new one has its own. Every function runs inside a transaction and reads before it writes.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderExchanged
from usher_shared.documents import Transaction
from usher_shared.errors import Conflict
from usher_shared.events.catalogue import TicketRefunded
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.contested import check_not_contested
from usher_tools.orders.model import Allocation, Change, Intent, Order
from usher_tools.orders.purchase import undo_purchase
from usher_tools.orders.records import (
    announce,
    announce_purchase,
    confirmed_order,
    mark_pending,
    obtainable,
    order_facts,
    paid_back,
    read_order,
    reduced,
    seats_of,
)
from usher_tools.orders.refund import credit_back
from usher_tools.orders.reservation import check_not_cancelled
from usher_tools.orders.wording import tickets
from usher_tools.payments.ports import Charge
from usher_tools.seats.ledger import SeatLedger


def _sum(parts: list[Allocation]) -> int:
    return sum(part.amount_minor for part in parts)


async def _old_order(tx: Transaction, intent: Intent) -> Order:
    return await read_order(tx, intent.exchanged_order_id or "")


async def settle_exchange(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    """None when the new seats are no longer to be had.

    Raises Conflict: event_cancelled (either event), order_changed, order_contested.
    """
    _, now = office.now()
    event = await find_event(tx, intent.event_id)
    check_not_cancelled(event)
    old = await _old_order(tx, intent)
    check_not_cancelled(await find_event(tx, old.event_id))  # it gives everything back, an exchange may not
    if old.pending != intent.id:
        raise Conflict("the order has changed meanwhile; quote again", code="order_changed")
    check_not_contested(old)
    hold = await tx.get("holds", intent.hold_id)
    new_seats = await seats_of(tx, office, event.id, intent.seats)
    old_seats = await seats_of(tx, office, old.event_id, intent.previous_seats)
    same = old.event_id == event.id
    ledger = await SeatLedger.load(tx, event.id, [*new_seats, *(old_seats if same else [])], now)
    old_ledger = ledger if same else await SeatLedger.load(tx, old.event_id, old_seats, now)
    if len(new_seats) < len(intent.seats) or not obtainable(ledger, new_seats, intent.hold_id, now):
        return None
    ledger.sell(new_seats, intent.order_id, intent.hold_id)
    old_ledger.take_back(old_seats, old.id)
    ledger.save(tx)
    if not same:
        old_ledger.save(tx)
    if hold is not None:
        tx.set("holds", intent.hold_id, {**hold, "status": "sold", "expires_at": now})
    value = _sum(intent.moved) + _sum(intent.allocations)
    names = ", ".join(seat.id for seat in intent.previous_seats)
    away = Change(at=now, change=f"Exchanged {names} for {intent.order_id}", amount_minor=-value, intent_id=intent.id)
    shortened = reduced(
        old,
        intent.previous_seats,
        away,
        {True: "partially_exchanged", False: "exchanged"},
        paid_back(old.payments, intent),
    )
    cost = _sum(intent.moved) + intent.credit_minor + intent.amount_minor
    words = f"{tickets(len(new_seats))} in exchange for those of {old.id}"
    bought = Change(at=now, change=words, amount_minor=cost, intent_id=intent.id)
    new = confirmed_order(intent, charge, event, bought, exchanged_from=old.id)
    tx.set("orders", old.id, shortened.model_dump(mode="json"))
    tx.create("orders", new.id, new.model_dump(mode="json"))
    refunded = TicketRefunded(
        **order_facts(shortened, intent),
        refunded_minor=value,
        refunded_seat_ids=[seat.id for seat in intent.previous_seats],
        refund_id=intent.id,
        kind="exchange",
        credited_minor=credit_back(intent),
        exchanged_to=new.id,
    )
    announce(tx, office, intent, "usher.ticket_refunded.v1", refunded)
    announce_purchase(tx, office, intent, new, charge)
    currency = intent.currency
    return OrderExchanged(
        order_id=old.id,
        status="partially_exchanged" if shortened.seats else "exchanged",
        new_order_id=new.id,
        value=to_major(value, currency),
        total=to_major(cost, currency),
        charged=to_major(intent.amount_minor, currency),
        credit=to_major(intent.credit_minor, currency),
        refunded=to_major(_sum(intent.allocations), currency),
        credited=to_major(credit_back(intent), currency),
        currency=currency,
        event_id=event.id,
        event_name=event.name,
        seats=[seat.offer(currency) for seat in new.seats],
    )


async def undo_exchange(tx: Transaction, office: Office, intent: Intent) -> None:
    """The old order kept its seats: the hold as it was, and the order free for other changes."""
    old = await _old_order(tx, intent)
    await undo_purchase(tx, office, intent)
    if old.pending == intent.id:
        mark_pending(tx, old, None)

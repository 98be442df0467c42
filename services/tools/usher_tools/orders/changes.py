"""What each kind of paid change does to seats and orders: reserve before the money moves, settle after, undo.

Every function runs inside a transaction and reads before it writes. `settle` returns None when the seats are no
longer to be had, and has then written nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from usher_shared.clock import to_timestamp
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderCreated, OrderRefunded, TicketsUpgraded
from usher_shared.documents import Transaction
from usher_shared.errors import UpstreamFailed
from usher_shared.events import EventData
from usher_shared.events.catalogue import TicketPurchased, TicketRefunded, TicketUpgraded
from usher_shared.events.envelope import event as make_event
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Change, Intent, Order, OrderSeat, Payment
from usher_tools.orders.wording import describe_seats, tickets
from usher_tools.payments.ports import Charge
from usher_tools.seats.layout import Seat
from usher_tools.seats.ledger import SeatLedger, is_free
from usher_tools.seats.model import StoredHold


async def _seats(tx: Transaction, office: Office, event_id: str, seats: Iterable[OrderSeat]) -> list[Seat]:
    layout = await office.layouts.get(tx, (await find_event(tx, event_id)).layout_id)
    return [found for seat in seats if (found := layout.find(seat.id)) is not None]


def _common(order: Order, intent: Intent) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "customer_id": order.customer_id,
        "event_id": order.event_id,
        "event_name": order.event_name,
        "starts_at": order.starts_at,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "seats": [seat.sold() for seat in order.seats],
        "conversation_id": intent.conversation_id,
        "client_id": intent.client_id,
    }


def _announce(tx: Transaction, office: Office, intent: Intent, type: str, data: EventData) -> None:
    office.outbox.add(
        tx,
        make_event(
            id=office.ids.new("EVT"),
            type=type,
            source="usher/tools",
            time=office.clock.now(),
            data=data,
            subject=intent.order_id,
            ordering_key=intent.order_id,
            traceparent=intent.traceparent,
        ),
    )


async def _order(tx: Transaction, intent: Intent) -> Order:
    data = await tx.get("orders", intent.order_id)
    if data is None:
        raise UpstreamFailed(f"order {intent.order_id} is missing", code="order_missing")
    return Order.model_validate(data)


def _obtainable(ledger: SeatLedger, seats: Iterable[Seat], hold_id: str, now: str) -> bool:
    """Whether each seat stands in the hold's name, or nobody has it."""
    states = (ledger.state(seat) for seat in seats)
    return all(is_free(state, now) or (state or {}).get("hold") == hold_id for state in states)


async def reserve_purchase(tx: Transaction, office: Office, intent: Intent, hold: StoredHold) -> None:
    """Keep the hold's seats until the intent ends, so that they cannot lapse while the customer pays."""
    _, now = office.now()
    seats = await _seats(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    until = max(hold.expires_at, intent.expires_at)
    ledger.hold(seats, hold.id, until)
    ledger.save(tx)
    tx.set("holds", hold.id, hold.model_copy(update={"status": "paying", "expires_at": until}).model_dump(mode="json"))


async def settle_purchase(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    _, now = office.now()
    event = await find_event(tx, intent.event_id)
    hold = await tx.get("holds", intent.hold_id)
    seats = await _seats(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    if len(seats) < len(intent.seats) or not _obtainable(ledger, seats, intent.hold_id, now):
        return None
    ledger.sell(seats, intent.order_id, intent.hold_id)
    ledger.save(tx)
    if hold is not None:
        tx.set("holds", intent.hold_id, {**hold, "status": "sold", "expires_at": now})
    order = Order(
        id=intent.order_id,
        customer_id=intent.customer_id,
        client_id=intent.client_id,
        conversation_id=intent.conversation_id,
        event_id=event.id,
        event_name=event.name,
        starts_at=event.starts_at,
        time_zone=event.venue.time_zone,
        currency=intent.currency,
        status="confirmed",
        seats=intent.seats,
        total_minor=intent.amount_minor,
        payments=[Payment(charge_id=charge.id, amount_minor=charge.amount_minor)] if charge else [],
        history=[Change(at=now, change=f"Bought {tickets(len(seats))}", amount_minor=intent.amount_minor)],
        created_at=now,
    )
    tx.create("orders", order.id, order.model_dump(mode="json"))
    data = TicketPurchased(
        **_common(order, intent),
        fees_minor=sum(seat.fee_minor for seat in intent.seats),
        taxes_minor=sum(seat.tax_minor for seat in intent.seats),
        quantity=len(seats),
        payment_id=charge.id if charge else "free",
    )
    _announce(tx, office, intent, "usher.ticket_purchased.v1", data)
    return OrderCreated(
        order_id=order.id,
        status="confirmed",
        total=to_major(order.total_minor, order.currency),
        currency=order.currency,
        event_id=event.id,
        event_name=event.name,
        seats=[seat.offer(order.currency) for seat in order.seats],
    )


async def undo_purchase(tx: Transaction, office: Office, intent: Intent) -> None:
    """The hold as it was before the payment: still alive, or lapsed and then released."""
    _, now = office.now()
    data = await tx.get("holds", intent.hold_id)
    seats = await _seats(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    if data is None or data["status"] != "paying":
        return
    before = intent.hold_expires_at or now
    if before > now and ledger.belongs_to(seats, intent.hold_id):
        ledger.hold(seats, intent.hold_id, before)
        restored = {**data, "status": "held", "expires_at": before}
    else:
        ledger.release(seats, intent.hold_id)
        restored = {**data, "status": "released", "expires_at": min(before, now)}
    ledger.save(tx)
    tx.set("holds", intent.hold_id, restored)


async def reserve_upgrade(tx: Transaction, office: Office, intent: Intent, order: Order) -> list[Seat]:
    """Hold the new seats in the intent's name and mark the order; the seats that are taken, if any."""
    _, now = office.now()
    seats = await _seats(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    taken = ledger.taken(seats)
    if not taken:
        ledger.hold(seats, intent.hold_id, intent.expires_at)
        ledger.save(tx)
        mark_pending(tx, order, intent.id)
    return taken


def mark_pending(tx: Transaction, order: Order, intent_id: str | None) -> None:
    tx.set("orders", order.id, order.model_copy(update={"pending": intent_id}).model_dump(mode="json"))


async def settle_upgrade(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    _, now = office.now()
    event = await find_event(tx, intent.event_id)
    order = await _order(tx, intent)
    new = await _seats(tx, office, intent.event_id, intent.seats)
    old = await _seats(tx, office, intent.event_id, intent.previous_seats)
    ledger = await SeatLedger.load(tx, intent.event_id, [*new, *old], now)
    if len(new) < len(intent.seats) or not _obtainable(ledger, new, intent.hold_id, now):
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
            "history": [*order.history, Change(at=now, change=change, amount_minor=intent.amount_minor)],
            "pending": None,
        }
    )
    tx.set("orders", order.id, changed.model_dump(mode="json"))
    data = TicketUpgraded(
        **_common(changed, intent),
        price_delta_minor=intent.amount_minor,
        previous_seats=[seat.sold() for seat in intent.previous_seats],
        payment_id=charge.id if charge else None,
    )
    _announce(tx, office, intent, "usher.ticket_upgraded.v1", data)
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
    order = await _order(tx, intent)
    seats = await _seats(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    ledger.release(seats, intent.hold_id)
    ledger.save(tx)
    if order.pending == intent.id:
        mark_pending(tx, order, None)


async def settle_refund(tx: Transaction, office: Office, intent: Intent) -> BaseModel:
    """The money is back: free the seats and shorten the order."""
    _, now = office.now()
    order = await _order(tx, intent)
    seats = await _seats(tx, office, intent.event_id, intent.seats)
    ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
    ledger.take_back(seats, order.id)
    ledger.save(tx)
    given = {part.charge_id: part.amount_minor for part in intent.allocations}
    gone = {seat.id for seat in intent.seats}
    left = [seat for seat in order.seats if seat.id not in gone]
    reason = f" ({intent.reason})" if intent.reason else ""
    names = ", ".join(seat.id for seat in intent.seats)
    change = Change(at=now, change=f"Refunded {names}{reason}", amount_minor=-intent.amount_minor)
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
        **_common(changed, intent),
        refunded_minor=intent.amount_minor,
        refunded_seat_ids=[seat.id for seat in intent.seats],
        refund_id=intent.id,
    )
    _announce(tx, office, intent, "usher.ticket_refunded.v1", data)
    return OrderRefunded(
        order_id=order.id,
        status="partially_refunded" if left else "refunded",
        refunded=to_major(intent.amount_minor, order.currency),
        currency=order.currency,
    )


async def undo_refund(tx: Transaction, office: Office, intent: Intent) -> None:
    order = await _order(tx, intent)
    if order.pending == intent.id:
        mark_pending(tx, order, None)


def intent_end(office: Office, moment: datetime) -> str:
    return to_timestamp(moment + timedelta(seconds=office.settings.payment_window_seconds))

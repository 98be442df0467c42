"""Between authorisation and capture: whether what the customer said yes to still stands.

While the reservation cannot have lapsed, one read of the event tells. Later a transaction takes the seats again for
another payment window, if nobody else has them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from usher_shared.clock import from_timestamp
from usher_shared.documents import Transaction
from usher_shared.errors import Conflict
from usher_tools.events.model import TicketedEvent
from usher_tools.events.service import find_event
from usher_tools.office import Office
from usher_tools.orders.model import Intent, OrderSeat
from usher_tools.orders.records import intent_end, obtainable, seats_of
from usher_tools.orders.taxes import added, ticket_taxes
from usher_tools.seats.ledger import SeatLedger


def check_not_cancelled(event: TicketedEvent) -> None:
    """Raises Conflict event_cancelled."""
    if event.status == "cancelled":
        raise Conflict(f"{event.name} has been cancelled", code="event_cancelled")


def _price_stands(seat: OrderSeat, event: TicketedEvent) -> bool:
    price = event.prices.get(seat.section)
    if price is None:
        return False
    fee = event.fee_minor(price)
    return price + fee + added(ticket_taxes(event.taxes, price, fee, event.currency)) == seat.total_minor


def _check_terms(intent: Intent, event: TicketedEvent) -> None:
    check_not_cancelled(event)
    if event.currency != intent.currency or not all(_price_stands(seat, event) for seat in intent.seats):
        raise Conflict("the price has changed; quote again", code="price_changed")


def _certain(intent: Intent, moment: datetime, office: Office) -> bool:
    """Whether the reservation holds for at least half a payment window more: time to capture and settle in."""
    half = timedelta(seconds=office.settings.payment_window_seconds / 2)
    return from_timestamp(intent.expires_at) - moment > half


async def recheck(office: Office, intent: Intent) -> None:
    """Raises Conflict: event_cancelled, price_changed, seats_taken. Nothing of the intent may be captured then."""
    moment, _ = office.now()
    if _certain(intent, moment, office):
        _check_terms(intent, await find_event(office.store, intent.event_id))
        return

    async def take_again(tx: Transaction) -> None:
        moment, now = office.now()
        data = await tx.get("payment_intents", intent.id)
        if data is None or not data["open"]:
            return  # another process ended it: the provider knows how
        _check_terms(intent, await find_event(tx, intent.event_id))
        hold = await tx.get("holds", intent.hold_id)
        seats = await seats_of(tx, office, intent.event_id, intent.seats)
        ledger = await SeatLedger.load(tx, intent.event_id, seats, now)
        if len(seats) < len(intent.seats) or not obtainable(ledger, seats, intent.hold_id, now):
            raise Conflict("the seats were taken by others before the payment went through", code="seats_taken")
        until = max(intent.expires_at, intent_end(office, moment))
        ledger.hold(seats, intent.hold_id, until)
        ledger.save(tx)
        if hold is not None:
            tx.set("holds", intent.hold_id, {**hold, "expires_at": until})
        tx.set("payment_intents", intent.id, {**data, "expires_at": until})

    await office.store.transaction(take_again)

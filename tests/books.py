"""The books of a box office: seats against orders, orders against the payment provider, tallies against rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from usher_shared.clock import to_timestamp
from usher_shared.documents import DocumentStore, Query
from usher_tools.events.model import TicketedEvent
from usher_tools.orders.model import Order
from usher_tools.seats.ledger import is_free
from usher_tools.seats.tallies import count_taken
from usher_tools.store_credit.model import account_id


async def every(store: DocumentStore, collection: str) -> dict[str, dict[str, Any]]:
    """All documents of a collection by id."""
    found: dict[str, dict[str, Any]] = {}
    after = None
    while True:
        page = await store.query(Query(collection, limit=500, after=after))
        found |= {document.id: document.data for document in page.documents}
        if page.next_cursor is None:
            return found
        after = page.next_cursor


@dataclass(frozen=True)
class Money:
    """What the provider's own records say of one payment, minor units."""

    captured: int
    refunded: int
    reserved: int

    @property
    def kept(self) -> int:
        return self.captured - self.refunded


async def provider_books(provider_store: DocumentStore) -> dict[str, Money]:
    """Payments under which money was taken or is reserved, by idempotency key."""
    found = {}
    for key, record in (await every(provider_store, "sandbox_charges")).items():
        amount, outcome = record["amount_minor"], record["outcome"]
        if outcome == "captured":
            found[key] = Money(amount, record["refunded_minor"], 0)
        elif outcome == "authorised":
            found[key] = Money(0, 0, amount)
    return found


@dataclass(frozen=True)
class Books:
    """Seats of one event, money of all. `sold` and `held` say of each seat whose it is: an order's or a hold's id.

    `credit` is what customers have as store credit and its entries add up to, by account.
    """

    event: TicketedEvent
    sold: dict[str, str]
    held: dict[str, str]
    tallied: dict[str, int]
    orders: dict[str, Order]
    money: dict[str, Money]
    credit: dict[str, tuple[int, int]]
    open_intents: int

    @property
    def capacity(self) -> int:
        return sum(section.capacity for section in self.event.sections)

    @property
    def kept(self) -> int:
        return sum(money.kept for money in self.money.values())

    def tickets(self) -> Counter[str]:
        """Live tickets by seat."""
        return Counter(seat.id for order in self.here() for seat in order.seats)

    def here(self) -> list[Order]:
        """The orders of the event."""
        return [order for order in self.orders.values() if order.event_id == self.event.id]

    def seat_faults(self) -> list[str]:
        """What does not add up about seats; holds at every moment."""
        found = [f"{count} live tickets for {seat}" for seat, count in self.tickets().items() if count > 1]
        for order in self.here():
            lost = [seat.id for seat in order.seats if self.sold.get(seat.id) != order.id]
            if lost:
                found.append(f"{order.id} has tickets for {lost}, which are not its own in the rows")
        orphans = [seat for seat in self.sold if not self.tickets()[seat]]
        if orphans:
            found.append(f"sold to nobody: {orphans}")
        rows = Counter(seat.split("-")[0] for seat in (*self.sold, *self.held))
        if {s: n for s, n in self.tallied.items() if n} != dict(rows):
            found.append(f"the tallies say {self.tallied}, the rows {dict(rows)}")
        return found

    def money_faults(self) -> list[str]:
        """What does not add up about money; payments under way must have been reconciled."""
        found = []
        if self.open_intents:
            found.append(f"{self.open_intents} payments are under way")
        for order in self.orders.values():
            paid = sum(payment.left_minor for payment in order.payments)
            if paid != order.total_minor:
                found.append(f"{order.id} says {order.total_minor}, its payments {paid}")
        owed = sum(order.total_minor for order in self.orders.values())
        credit = sum(balance for balance, _ in self.credit.values())
        if owed + credit != self.kept:
            found.append(f"orders say {owed}, store credit {credit}, the provider kept {self.kept}")
        for id, (balance, added) in self.credit.items():
            if balance != added:
                found.append(f"{id} has {balance}, its entries say {added}")
        for id, money in self.money.items():
            if money.refunded > money.captured:
                found.append(f"more was given back than taken under {id}")
        reserved = [key for key, money in self.money.items() if money.reserved]
        if reserved:
            found.append(f"reserved for nothing: {reserved}")
        return found

    def faults(self) -> list[str]:
        """What does not add up, in words; nothing when all does."""
        return [*self.seat_faults(), *self.money_faults()]

    def check_seats(self) -> None:
        """Raises AssertionError with what does not add up about seats."""
        _raise(self.seat_faults())

    def check(self) -> None:
        """Raises AssertionError with everything that does not add up."""
        _raise(self.faults())


def _raise(faults: list[str]) -> None:
    if faults:
        raise AssertionError("; ".join(faults))


async def read_books(store: DocumentStore, provider_store: DocumentStore, now: datetime, event_id: str) -> Books:
    moment = to_timestamp(now)
    sold, held = {}, {}
    for row in (await every(store, "seat_rows")).values():
        for number, state in row["taken"].items() if row["event_id"] == event_id else ():
            seat = f"{row['section']}-{row['row']}-{number}"
            if "order" in state:
                sold[seat] = state["order"]
            elif not is_free(state, moment):
                held[seat] = state["hold"]
    entries: Counter[str] = Counter()
    for entry in (await every(store, "credit_entries")).values():
        entries[account_id(entry["customer_id"], entry["currency"])] += entry["amount_minor"]
    accounts = await every(store, "credit_accounts")
    return Books(
        event=TicketedEvent.model_validate(await store.get("ticketed_events", event_id)),
        sold=sold,
        held=held,
        tallied={section: count.seats for section, count in (await count_taken(store, event_id, moment)).items()},
        orders={id: Order.model_validate(data) for id, data in (await every(store, "orders")).items()},
        money=await provider_books(provider_store),
        credit={id: (account["balance_minor"], entries[id]) for id, account in accounts.items()},
        open_intents=sum(intent["open"] for intent in (await every(store, "payment_intents")).values()),
    )

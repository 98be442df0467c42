"""Orders and payment intents as they are stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from usher_shared.clock import from_timestamp
from usher_shared.contracts.confirmations import ProtectedAction
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderChange, OrderStatus, OrderView, SeatOffer
from usher_shared.events.catalogue import SeatSold
from usher_shared.idempotency import Lease
from usher_shared.ids import IdGenerator
from usher_tools.events.model import Stored, TicketedEvent
from usher_tools.orders.taxes import SeatTax, added, ticket_taxes
from usher_tools.policies.model import Waiver
from usher_tools.seats.layout import Seat
from usher_tools.store_credit.model import STORE_CREDIT


class OrderSeat(Stored):
    """A seat with what it cost, minor units."""

    id: str
    section: str
    row: str
    number: str
    accessible: bool
    general_admission: bool = False
    price_minor: int
    fee_minor: int
    tax_minor: int = Field(default=0, description="what taxes add to price and fees")
    taxes: list[SeatTax] = Field(default_factory=list, description="each tax, those within the price too")
    ticket_id: str | None = Field(default=None, description="of the digital ticket; a seat gets it with its intent")
    entry_id: str | None = Field(default=None, description="the ticket that its holder first had for the event")

    @property
    def total_minor(self) -> int:
        return self.price_minor + self.fee_minor + self.tax_minor

    def offer(self, currency: str) -> SeatOffer:
        return SeatOffer(
            id=self.id,
            price=to_major(self.price_minor, currency),
            section=self.section,
            row=self.row,
            number=self.number,
            accessible=self.accessible,
            general_admission=self.general_admission,
        )

    def sold(self) -> SeatSold:
        return SeatSold(id=self.id, section=self.section, row=self.row, price_minor=self.price_minor)


def priced(seats: Iterable[Seat], event: TicketedEvent) -> list[OrderSeat]:
    """The seats at the event's present prices, fees and taxes."""
    found = []
    for seat in seats:
        price = event.prices[seat.section]
        fee = event.fee_minor(price)
        taxes = ticket_taxes(event.taxes, price, fee, event.currency)
        found.append(
            OrderSeat(
                id=seat.id,
                section=seat.section,
                row=seat.row,
                number=seat.number,
                accessible=seat.accessible,
                general_admission=seat.general_admission,
                price_minor=price,
                fee_minor=fee,
                tax_minor=added(taxes),
                taxes=taxes,
            )
        )
    return found


def ticket_id_of(order_id: str, seat: OrderSeat) -> str:
    """The seat's ticket; orders stored before there were tickets get one that follows from order and seat."""
    return seat.ticket_id or f"TKT_{order_id}_{seat.id}"


def entry_id_of(order_id: str, seat: OrderSeat) -> str:
    """The same for all tickets that one place in the house has had."""
    return seat.entry_id or ticket_id_of(order_id, seat)


def ticketed(seats: Iterable[OrderSeat], ids: IdGenerator, earlier: Iterable[str] = ()) -> list[OrderSeat]:
    """The seats, each with the id of its digital ticket: new when it enters an order, gone when it leaves.

    `earlier` are the entry ids of the seats of the same event that they take the place of: who has come in with one of
    those has come in.
    """
    entries = iter(earlier)
    return [
        seat
        if seat.ticket_id
        else seat.model_copy(update={"ticket_id": ids.new("TKT"), "entry_id": next(entries, None)})
        for seat in seats
    ]


def total(seats: Iterable[OrderSeat]) -> int:
    return sum(seat.total_minor for seat in seats)


class Payment(Stored):
    """What of one charge paid for an order, and what left it again, minor units.

    `moved_minor` went on to another order or to store credit: the provider still has it. Several orders may name one
    charge; what they have of it, and what was refunded, never exceeds what was captured. `charge_id` is `STORE_CREDIT`
    for what the customer's credit paid. `cash` is false for what an exchange brought from tickets that could not be
    refunded: it comes back as store credit, unless the event is cancelled.
    """

    charge_id: str
    amount_minor: int
    cash: bool = True
    refunded_minor: int = 0
    moved_minor: int = 0

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.refunded_minor - self.moved_minor


class Change(Stored):
    """`intent_id` names the payment intent that made the change: what was paid or given back, and for which seats."""

    at: str
    change: str
    amount_minor: int
    intent_id: str | None = None


class Order(Stored):
    """Collection `orders`. `pending` names the payment intent that is changing the order now."""

    id: str
    customer_id: str
    client_id: str | None
    conversation_id: str | None
    event_id: str
    event_name: str
    starts_at: str
    time_zone: str = "UTC"
    currency: str
    status: OrderStatus
    seats: list[OrderSeat]
    total_minor: int
    payments: list[Payment]
    history: list[Change]
    created_at: str
    pending: str | None = None
    exchanged_from: str | None = Field(default=None, description="the order whose tickets paid for this one")
    given_minor: int = Field(default=0, description="given back for seats that are still there, the rest was refused")
    contested: list[str] = Field(default_factory=list, description="open support tickets about its payments")

    @property
    def revision(self) -> int:
        """How often the order has changed, the purchase included."""
        return len(self.history)

    def view(self) -> OrderView:
        return OrderView(
            order_id=self.id,
            status=self.status,
            event_id=self.event_id,
            event_name=self.event_name,
            starts_at=from_timestamp(self.starts_at).astimezone(ZoneInfo(self.time_zone)),
            seats=[seat.offer(self.currency) for seat in self.seats],
            total=to_major(self.total_minor, self.currency),
            currency=self.currency,
            history=[
                OrderChange(at=from_timestamp(c.at), change=c.change, amount=to_major(c.amount_minor, self.currency))
                for c in self.history
            ],
        )


class IntentLease(Stored):
    """The idempotency lease under which the intent runs."""

    record_id: str
    owner: str
    fingerprint: str

    def idempotency(self) -> Lease:
        return Lease(self.record_id, self.owner, self.fingerprint)


class Allocation(Stored):
    """A part of what is given back or moves on: how much of which charge, minor units. `cash` is as in `Payment`."""

    charge_id: str
    amount_minor: int
    cash: bool = True

    @property
    def as_credit(self) -> bool:
        """Whether it is given back as store credit, and the provider keeps its money."""
        return self.charge_id == STORE_CREDIT or not self.cash


class Breakdown(Stored):
    """What an amount is made of, minor units; negative is given back. `taxes` are by name and rate."""

    price_minor: int
    fees_minor: int
    taxes_minor: int
    taxes: list[SeatTax]


class Intent(Stored):
    """Collection `payment_intents`, id = the confirmation's: written before any money moves.

    `charging` and `refunding` wait for the provider, `returning` gives a charge back whose seats were lost, `owing`
    gives back the difference of an exchange that has been made; `done` and `failed` are ends. The intent is what
    consumes the confirmation: there is one for each.
    """

    id: str
    kind: ProtectedAction
    status: Literal["charging", "refunding", "returning", "owing", "done", "failed"]
    open: bool
    quote_id: str
    fingerprint: str
    customer_id: str
    client_id: str | None
    conversation_id: str | None
    traceparent: str | None
    order_id: str
    event_id: str
    seats: list[OrderSeat] = Field(description="bought, moved to, or refunded")
    previous_seats: list[OrderSeat] = Field(default_factory=list, description="what an upgrade or exchange gives up")
    exchanged_order_id: str | None = Field(default=None, description="the order that an exchange takes them from")
    hold_id: str = Field(default="", description="in whose name the seats stand meanwhile")
    hold_expires_at: str | None = Field(default=None, description="the hold's end before the payment")
    amount_minor: int = Field(description="charged, or given back as money or as credit; never negative")
    credit_minor: int = Field(default=0, description="of the customer's store credit spent beside what is charged")
    moved: list[Allocation] = Field(default_factory=list, description="what earlier charges bring to the new order")
    currency: str
    breakdown: Breakdown | None = None
    previous_breakdown: Breakdown | None = Field(default=None, description="of what an exchange gives up")
    waiver: Waiver | None = Field(default=None, description="the exception that allows it, spent with the effect")
    token: str = ""
    allocations: list[Allocation] = Field(default_factory=list)
    reason: str | None = None
    lease: IntentLease | None
    created_at: str
    expires_at: str = Field(description="an unpaid intent is called off after this")
    charge_id: str | None = None
    given_minor: int = Field(default=0, description="what went back of a refund that the provider refused in part")
    answer: dict[str, Any] | None = None
    failure: dict[str, str] | None = None

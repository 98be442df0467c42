"""The tools' answers. Prices and totals are decimal numbers of major units."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from usher_shared.contracts.confirmations import ProtectedAction


class Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


class PriceRange(Answer):
    min: float
    max: float


class SectionInfo(Answer):
    section: str
    name: str
    price: PriceRange
    available: int
    capacity: int
    accessible_available: int = 0
    general_admission: bool = Field(default=False, description="no seats are reserved in this section")


class VenueInfo(Answer):
    venue_id: str
    name: str
    city: str
    address: str
    time_zone: str
    facts: dict[str, str] = Field(default_factory=dict, description="topic to text, such as parking, bags, doors")


class EventSummary(Answer):
    event_id: str
    name: str
    category: str
    venue: str
    city: str
    starts_at: AwareDatetime = Field(description="with the venue's UTC offset")
    local_start: str = Field(description="for a person: `Fri 20 Nov 2026, 19:30`")
    time_zone: str
    currency: str
    price_from: float | None
    available: int
    status: Literal["on_sale", "sold_out", "past", "cancelled"]


class EventInfo(EventSummary):
    description: str = ""
    performers: list[str] = Field(default_factory=list)
    venue_info: VenueInfo
    sections: list[SectionInfo]
    policies: dict[str, str] = Field(description="refund, exchange, upgrade … to text for a customer")


class SeatOffer(Answer):
    """A seat, or with `general_admission` a place in a section without seats: its row is `GA`, its number means
    nothing to the customer."""

    id: str
    price: float
    section: str
    row: str
    number: str
    accessible: bool = False
    general_admission: bool = False


class Inventory(Answer):
    """Seats best first; when `adjacent` the first `quantity` seats stand side by side in one row, or are places of one
    general-admission section."""

    event_id: str
    quantity: int
    adjacent: bool
    available: int = Field(description="free seats matching the request, which may be more than listed")
    currency: str
    seats: list[SeatOffer]
    note: str | None = Field(default=None, description="why fewer or other seats than asked for")
    most_seats: int | None = Field(default=None, description="how many seats one hold may have")


class Hold(Answer):
    hold_id: str
    expires_at: AwareDatetime
    event_id: str
    seats: list[SeatOffer]
    subtotal: float
    currency: str
    replaced: list[str] = Field(default_factory=list, description="holds of the customer that this one replaces")


class HoldReleased(Answer):
    hold_id: str
    status: Literal["released"]


class OrderCreated(Answer):
    """`credit` of the total was paid with store credit, the rest was charged."""

    order_id: str
    status: Literal["confirmed"]
    total: float
    credit: float = 0.0
    currency: str
    event_id: str
    event_name: str
    seats: list[SeatOffer]


class TicketsUpgraded(Answer):
    order_id: str
    status: Literal["upgraded"]
    price_delta: float
    total: float
    currency: str
    seats: list[SeatOffer]


class EventList(Answer):
    events: list[EventSummary]


class TaxLine(Answer):
    """A tax by name and rate; an `included` one is within the prices and fees, so that no total adds it."""

    name: str
    percent: float
    included: bool
    amount: float


class Quote(Answer):
    """What would happen and what it costs. `total` is charged (positive) or given back (negative):
    subtotal + fees + taxes - credit. `tax_lines` name the taxes, the included ones too. What `credit_order` gives back
    is store credit.

    `arguments` are the arguments to call the action with: completed and canonical; a confirmation binds to them.
    """

    quote_id: str
    action: ProtectedAction
    arguments: dict[str, Any]
    summary: str
    subtotal: float
    fees: float
    taxes: float = 0.0
    tax_lines: list[TaxLine] = Field(default_factory=list)
    credit: float = Field(default=0.0, description="store credit that pays a part")
    total: float
    total_minor: int
    credited: float = Field(default=0.0, description="of what is given back, what is store credit and not money")
    currency: str
    policy: str
    expires_at: AwareDatetime
    event_id: str
    event_name: str
    seats: list[SeatOffer]
    previous_seats: list[SeatOffer] = Field(default_factory=list)


# what last became of an order; without `partially_` it has no tickets any more
OrderStatus = Literal[
    "confirmed",
    "upgraded",
    "partially_refunded",
    "refunded",
    "partially_exchanged",
    "exchanged",
    "partially_credited",
    "credited",
]


class OrderChange(Answer):
    at: AwareDatetime
    change: str
    amount: float


class OrderView(Answer):
    order_id: str
    status: OrderStatus
    event_id: str
    event_name: str
    starts_at: AwareDatetime
    seats: list[SeatOffer]
    total: float
    currency: str
    history: list[OrderChange]


class OrderList(Answer):
    orders: list[OrderView]
    next_cursor: str | None = None


class OrderRefunded(Answer):
    """`credit` of what was refunded came back as store credit, since credit had paid for it."""

    order_id: str
    status: Literal["refunded", "partially_refunded"]
    refunded: float
    credit: float = 0.0
    currency: str


class OrderExchanged(Answer):
    """`order_id` gave tickets worth `value`; `new_order_id` has the new ones at `total`.

    The difference was `charged`, paid with store `credit`, or `refunded`, of which `credited` came back as store
    credit: credit had paid for it, or the old tickets could not be refunded for so much.
    """

    order_id: str
    status: Literal["exchanged", "partially_exchanged"]
    new_order_id: str
    value: float
    total: float
    charged: float
    credit: float
    refunded: float
    credited: float = 0.0
    currency: str
    event_id: str
    event_name: str
    seats: list[SeatOffer]


class OrderCredited(Answer):
    """`balance` is the customer's store credit now."""

    order_id: str
    status: Literal["credited", "partially_credited"]
    credited: float
    balance: float
    currency: str


class CreditBalance(Answer):
    currency: str
    balance: float


class StoreCredit(Answer):
    """What the customer has, by currency; it pays for the next purchase by itself."""

    credits: list[CreditBalance]


class SupportTicket(Answer):
    ticket_id: str


class WaitListEntry(Answer):
    """`offered`: the seats are held as `hold_id` until `expires_at`, and bought like any held seats."""

    entry_id: str
    event_id: str
    event_name: str
    quantity: int
    section: str | None
    max_price: float | None
    accessible: bool
    status: Literal["waiting", "offered", "bought", "lapsed", "left"]
    position: int | None = Field(description="1 for the first in line; null beyond 1,000, and unless waiting")
    joined_at: AwareDatetime
    hold_id: str | None = None
    seat_ids: list[str] = Field(default_factory=list)
    expires_at: AwareDatetime | None = None


class WaitList(Answer):
    entries: list[WaitListEntry]

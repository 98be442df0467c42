"""The tools: names, parameters and answers. Prices and totals are decimal numbers of major units.

`TOOLS` maps each name to its description, argument model and answer model; JSON Schemas are derived from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from usher_shared.contracts.confirmations import ProtectedAction

Id = str
SeatId = Annotated[str, Field(min_length=1, max_length=64)]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


def _id(description: str) -> Any:
    return Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$", description=description)


class GetEventInfo(Arguments):
    event_id: Id = _id("the event")


class CheckInventory(Arguments):
    event_id: Id = _id("the event")
    quantity: int = Field(ge=1, le=50, description="how many seats, adjacent where possible")
    section: str | None = Field(default=None, max_length=64, description="only this section")
    max_price: float | None = Field(default=None, ge=0, description="per seat, in the event's currency")
    accessible: bool = Field(default=False, description="wheelchair-accessible seats")


class HoldTickets(Arguments):
    event_id: Id = _id("the event")
    seat_ids: list[SeatId] = Field(min_length=1, max_length=50)
    expires_in_seconds: int = Field(default=300, ge=30, le=900)


class ReleaseHold(Arguments):
    hold_id: Id = _id("the hold, HOLD_…")


class CreateOrder(Arguments):
    hold_id: Id = _id("the hold, HOLD_…")
    customer_id: Id = _id("set by the system, not by the model")
    payment_method_token: str = Field(
        min_length=1, max_length=256, description="set by the system; `default` is on file"
    )


class UpgradeTickets(Arguments):
    order_id: Id = _id("the order, ORD_…")
    target_section: str | None = Field(default=None, max_length=64)
    max_price_delta: float | None = Field(default=None, ge=0, description="for the whole order, in major units")


class SearchEvents(Arguments):
    query: str | None = Field(
        default=None, max_length=200, description="event, artist, team or venue; typos are forgiven"
    )
    date: str | None = Field(
        default=None,
        pattern=r"^\d{4}-\d{2}-\d{2}(/\d{4}-\d{2}-\d{2})?$",
        description="local date at the venue, YYYY-MM-DD or an inclusive range YYYY-MM-DD/YYYY-MM-DD",
    )
    city: str | None = Field(default=None, max_length=100)
    category: str | None = Field(default=None, max_length=50)


class QuoteArguments(Arguments):
    action: ProtectedAction
    arguments: dict[str, Any] = Field(description="the arguments that the action will be called with")


class GetOrder(Arguments):
    order_id: Id = _id("the order, ORD_…")


class ListOrders(Arguments):
    customer_id: Id = _id("set by the system, not by the model")


class RefundOrder(Arguments):
    order_id: Id = _id("the order, ORD_…")
    seat_ids: list[SeatId] | None = Field(default=None, min_length=1, max_length=50, description="all when absent")
    reason: str | None = Field(default=None, max_length=500)


class OpenSupportTicket(Arguments):
    subject: str = Field(min_length=1, max_length=200)
    details: str = Field(min_length=1, max_length=4000)
    order_id: str | None = Field(default=None, max_length=128)


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
    id: str
    price: float
    section: str
    row: str
    number: str
    accessible: bool = False


class Inventory(Answer):
    """Seats best first; when `adjacent` the first `quantity` seats stand side by side in one row."""

    event_id: str
    quantity: int
    adjacent: bool
    available: int = Field(description="free seats matching the request, which may be more than listed")
    currency: str
    seats: list[SeatOffer]
    note: str | None = Field(default=None, description="why fewer or other seats than asked for")


class Hold(Answer):
    hold_id: str
    expires_at: AwareDatetime
    event_id: str
    seats: list[SeatOffer]
    subtotal: float
    currency: str


class HoldReleased(Answer):
    hold_id: str
    status: Literal["released"]


class OrderCreated(Answer):
    order_id: str
    status: Literal["confirmed"]
    total: float
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


class Quote(Answer):
    """What would happen and what it costs. `total` is charged (positive) or given back (negative).

    `arguments` are the arguments to call the action with: completed and canonical; a confirmation binds to them.
    """

    quote_id: str
    action: ProtectedAction
    arguments: dict[str, Any]
    summary: str
    subtotal: float
    fees: float
    total: float
    total_minor: int
    currency: str
    policy: str
    expires_at: AwareDatetime
    event_id: str
    event_name: str
    seats: list[SeatOffer]
    previous_seats: list[SeatOffer] = Field(default_factory=list)


class OrderChange(Answer):
    at: AwareDatetime
    change: str
    amount: float


class OrderView(Answer):
    order_id: str
    status: Literal["confirmed", "upgraded", "partially_refunded", "refunded"]
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
    order_id: str
    status: Literal["refunded", "partially_refunded"]
    refunded: float
    currency: str


class SupportTicket(Answer):
    ticket_id: str


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    arguments: type[Arguments]
    answer: type[Answer]

    def schema(self) -> dict[str, Any]:
        """As OpenAI's `tools` entry: {"type": "function", "function": {name, description, parameters}}."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        parameters.pop("description", None)
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("search_events", "Find events by name, performer, date, city or category.", SearchEvents, EventList),
        Tool(
            "get_event_info",
            "One event: venue, sections with prices and availability, policies.",
            GetEventInfo,
            EventInfo,
        ),
        Tool("check_inventory", "The best free seats for a party, adjacent where possible.", CheckInventory, Inventory),
        Tool("hold_tickets", "Hold seats for a few minutes. Charges nothing.", HoldTickets, Hold),
        Tool("release_hold", "Give held seats back.", ReleaseHold, HoldReleased),
        Tool("quote", "What a purchase, upgrade or refund would cost, with policy.", QuoteArguments, Quote),
        Tool("create_order", "Buy the held seats. The customer is asked to confirm first.", CreateOrder, OrderCreated),
        Tool(
            "upgrade_tickets",
            "Move an order to better seats. The customer is asked first.",
            UpgradeTickets,
            TicketsUpgraded,
        ),
        Tool("get_order", "One order of this customer.", GetOrder, OrderView),
        Tool("list_orders", "This customer's orders, newest first.", ListOrders, OrderList),
        Tool("refund_order", "Refund an order or some seats. The customer is asked first.", RefundOrder, OrderRefunded),
        Tool("open_support_ticket", "Hand a matter to a person.", OpenSupportTicket, SupportTicket),
    )
}


@cache
def tool_schemas() -> list[dict[str, Any]]:
    """All tools as OpenAI's `tools` parameter."""
    return [tool.schema() for tool in TOOLS.values()]


def parse_date_range(text: str) -> tuple[date, date]:
    """The first and last local date of a `date` argument. Raises ValueError."""
    first, _, last = text.partition("/")
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    if end < start:
        raise ValueError(f"{text} ends before it begins")
    return start, end

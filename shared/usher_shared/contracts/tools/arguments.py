"""The tools' parameters. Prices are decimal numbers of major units."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from usher_shared.contracts.confirmations import ProtectedAction
from usher_shared.personal.cards import mask_cards

Id = str
SeatId = Annotated[str, Field(min_length=1, max_length=64)]


def _without_cards(longest: int) -> AfterValidator:
    """What a customer may say in words is stored: a card number never, and the mask may be longer than it."""
    return AfterValidator(lambda text: mask_cards(text)[:longest])


Reason = Annotated[str, Field(max_length=500), _without_cards(500)]
Subject = Annotated[str, Field(min_length=1, max_length=200), _without_cards(200)]
Details = Annotated[str, Field(min_length=1, max_length=4000), _without_cards(4000)]


class Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


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
    use_credit: bool | None = Field(default=None, description="false keeps the customer's store credit")


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
    reason: Reason | None = None


class JoinWaitList(Arguments):
    event_id: Id = _id("the event")
    quantity: int = Field(ge=1, le=50, description="how many seats, adjacent where possible")
    section: str | None = Field(default=None, max_length=64, description="only this section")
    max_price: float | None = Field(default=None, ge=0, description="per seat, in the event's currency")
    accessible: bool = Field(default=False, description="wheelchair-accessible seats")


class LeaveWaitList(Arguments):
    entry_id: Id = _id("the entry, WL_…")


class GetWaitList(Arguments):
    customer_id: Id = _id("set by the system, not by the model")


class ExchangeOrder(Arguments):
    order_id: Id = _id("the order whose tickets are given up, ORD_…")
    hold_id: Id = _id("the hold of the new seats, HOLD_…")
    seat_ids: list[SeatId] | None = Field(
        default=None, min_length=1, max_length=50, description="of the order; all when absent"
    )
    use_credit: bool | None = Field(default=None, description="false keeps the customer's store credit")


class CreditOrder(Arguments):
    order_id: Id = _id("the order, ORD_…")
    seat_ids: list[SeatId] | None = Field(default=None, min_length=1, max_length=50, description="all when absent")
    reason: Reason | None = None


class GetCredit(Arguments):
    customer_id: Id = _id("set by the system, not by the model")


class OpenSupportTicket(Arguments):
    subject: Subject
    details: Details
    order_id: str | None = Field(default=None, max_length=128)


def parse_date_range(text: str) -> tuple[date, date]:
    """The first and last local date of a `date` argument. Raises ValueError."""
    first, _, last = text.partition("/")
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    if end < start:
        raise ValueError(f"{text} ends before it begins")
    return start, end

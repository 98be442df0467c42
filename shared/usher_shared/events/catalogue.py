"""Every event type and the model of its data.

Rules of evolution: only optional fields are added to a version; a break is a `.v2` beside `.v1` with a pure
upcast. Recorded examples per version stand in `examples/` and are append-only: all must parse for ever.
Money is integer minor units plus an ISO 4217 currency. Unknown fields are ignored by readers.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from usher_shared.events.envelope import Event, InvalidEvent, describe


class EventData(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class SeatSold(EventData):
    id: str
    section: str
    row: str
    price_minor: int


class OrderEventData(EventData):
    """What every order event says; ids join the warehouse's tables."""

    order_id: str
    customer_id: str
    event_id: str
    event_name: str
    starts_at: AwareDatetime
    currency: str = Field(min_length=3, max_length=3)
    total_minor: int = Field(description="the order's total after this change")
    seats: list[SeatSold] = Field(description="the order's seats after this change")
    conversation_id: str | None = None
    client_id: str | None = None


class TicketPurchased(OrderEventData):
    fees_minor: int = 0
    taxes_minor: int = Field(default=0, description="what taxes added to prices and fees")
    quantity: int
    payment_id: str
    credit_minor: int = Field(default=0, description="of the total, paid with store credit")
    exchanged_from: str | None = Field(default=None, description="the order whose tickets were exchanged for these")


class TicketUpgraded(OrderEventData):
    price_delta_minor: int
    previous_seats: list[SeatSold]
    payment_id: str | None = None


class TicketRefunded(OrderEventData):
    refunded_minor: int
    refunded_seat_ids: list[str]
    refund_id: str
    kind: Literal["refund", "exchange", "credit"] = Field(default="refund", description="what tickets were given for")
    credited_minor: int = Field(default=0, description="of what was refunded, given as store credit")
    exchanged_to: str | None = Field(default=None, description="the order that the value of these tickets went to")


class SectionPrice(EventData):
    """Without `previous_minor` the section was not on sale before, without `price_minor` it no longer is."""

    section: str
    name: str
    price_minor: int | None = None
    previous_minor: int | None = None


class PriceChanged(EventData):
    """Prices per seat, without fees and taxes, of the sections whose price changed."""

    event_id: str
    event_name: str
    starts_at: AwareDatetime
    currency: str = Field(min_length=3, max_length=3)
    sections: list[SectionPrice]


AvailabilityLevel = Literal["available", "few", "sold_out"]


class SectionAvailability(EventData):
    section: str
    name: str
    level: AvailabilityLevel
    available: int
    capacity: int


class AvailabilityChanged(EventData):
    """What can be bought now: held seats are not available. `few` is a tenth of the capacity or less."""

    event_id: str
    event_name: str
    starts_at: AwareDatetime
    level: AvailabilityLevel
    previous_level: AvailabilityLevel
    available: int
    capacity: int
    sections: list[SectionAvailability]


class WaitListOffered(EventData):
    """Seats came free and are held for the first in line who fits, until `expires_at`."""

    entry_id: str
    event_id: str
    event_name: str
    starts_at: AwareDatetime
    customer_id: str
    client_id: str | None = None
    conversation_id: str | None = None
    hold_id: str
    seat_ids: list[str]
    currency: str = Field(min_length=3, max_length=3)
    subtotal_minor: int = Field(description="the seats' prices, without fees and taxes")
    expires_at: AwareDatetime


class ConversationCompleted(EventData):
    conversation_id: str
    customer_id: str
    client_id: str | None = None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    reason: Literal["ended", "idle", "handoff"]
    outcome: Literal["purchased", "upgraded", "refunded", "answered", "abandoned", "failed"]
    success: bool
    turns: int
    tool_calls: int = 0
    order_ids: list[str] = Field(default_factory=list)
    model_name: str | None = None
    model_version: str | None = None
    variant: str | None = None


class ChatTurnCompleted(EventData):
    conversation_id: str
    message_id: str
    customer_id: str
    client_id: str | None = None
    turn: int = Field(description="1 for the first turn of the conversation")
    agent: str
    status: Literal["ok", "failed", "cancelled"]
    duration_ms: float
    model_calls: int = 0
    tool_calls: list[dict[str, str | float]] = Field(default_factory=list, description="name, status, latency_ms")
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = Field(default=0, description="of the prompt's, which the model's server had kept")
    cost_nanos: int | None = Field(
        default=None, description="for models, in billionths of a US dollar; null: a price or a count is not known"
    )
    models_passed_over: list[str] = Field(
        default_factory=list, description="models that failed in this turn or were left alone, before one answered"
    )
    remembered_calls: int = Field(default=0, description="model calls that an earlier answer spared")
    model_name: str | None = None
    model_version: str | None = None
    variant: str | None = None
    error_code: str | None = None


class FeedbackReceived(EventData):
    conversation_id: str
    message_id: str
    customer_id: str
    rating: Literal[-1, 1]
    comment: str | None = None


class ErrorOccurred(EventData):
    service: str
    code: str
    detail: str = Field(description="without personal data or secrets")
    request_id: str | None = None
    conversation_id: str | None = None
    order_id: str | None = None


class RetrainingRequested(EventData):
    reason: Literal["threshold", "drift", "operator"]
    requested_by: str
    conversations: int | None = None


class ModelTrained(EventData):
    version: str
    base_model: str
    scores: dict[str, float]
    artifact_uri: str


class ModelReleased(EventData):
    version: str
    previous_version: str | None = None
    traffic_percent: int
    metadata_uri: str


class ModelRolledBack(EventData):
    version: str
    restored_version: str
    reason: str


CATALOGUE: dict[str, type[EventData]] = {
    "usher.ticket_purchased.v1": TicketPurchased,
    "usher.ticket_upgraded.v1": TicketUpgraded,
    "usher.ticket_refunded.v1": TicketRefunded,
    "usher.price_changed.v1": PriceChanged,
    "usher.availability_changed.v1": AvailabilityChanged,
    "usher.wait_list_offered.v1": WaitListOffered,
    "usher.conversation_completed.v1": ConversationCompleted,
    "usher.chat_turn_completed.v1": ChatTurnCompleted,
    "usher.feedback_received.v1": FeedbackReceived,
    "usher.error_occurred.v1": ErrorOccurred,
    "usher.retraining_requested.v1": RetrainingRequested,
    "usher.model_trained.v1": ModelTrained,
    "usher.model_released.v1": ModelReleased,
    "usher.model_rolled_back.v1": ModelRolledBack,
}


def parse_data(event: Event) -> EventData:
    """The typed data of an event. Raises InvalidEvent for an unknown type or data that does not fit it."""
    model = CATALOGUE.get(event.type)
    if model is None:
        raise InvalidEvent(f"unknown event type {event.type}")
    try:
        return model.model_validate(event.data)
    except ValidationError as error:
        raise InvalidEvent(f"{event.type}: {describe(error)}") from error

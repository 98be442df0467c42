"""Orders as the public sees them."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel

from usher_shared.contracts.tools import OrderStatus


class OrderedSeat(BaseModel):
    id: str
    section: str
    row: str
    price: float


class OrderEntry(BaseModel):
    at: AwareDatetime
    change: str
    amount: float


class Order(BaseModel):
    """Prices, amounts and the total in major units of `currency`."""

    order_id: str
    status: OrderStatus
    event_id: str
    event_name: str
    starts_at: AwareDatetime
    seats: list[OrderedSeat]
    total: float
    currency: str
    history: list[OrderEntry]


class Orders(BaseModel):
    orders: list[Order]
    next_cursor: str | None = None

"""GET /orders and GET /events."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ValidationError

from usher_gateway.access import InRoom, PathId, customer, respond
from usher_gateway.orders.model import Order, Orders
from usher_gateway.replay.model import Answer
from usher_shared.contracts.identity import Principal
from usher_shared.contracts.tools import EventInfo, EventList
from usher_shared.errors import UpstreamFailed

router = APIRouter()
Model = TypeVar("Model", bound=BaseModel)
OrdersCustomer = Annotated[Principal, Depends(customer("orders"))]
Browser = Annotated[Principal, Depends(customer("chat", "orders"))]
Words = Annotated[str | None, Query(min_length=1, max_length=200, description="forgives typos")]
DateRange = Annotated[
    str | None,
    Query(
        pattern=r"^\d{4}-\d{2}-\d{2}(/\d{4}-\d{2}-\d{2})?$",
        description="local date at the venue, or an inclusive range FIRST/LAST",
        examples=["2026-11-20", "2026-11-20/2026-11-22"],
    ),
]


def read_answer(model: type[Model], answer: Any) -> Model:
    """What the box office answered. Raises UpstreamFailed when it is something else."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        raise UpstreamFailed("the box office did not answer as agreed") from error


@router.get("/orders", tags=["orders"])
async def list_orders(
    principal: OrdersCustomer,
    room: InRoom,
    cursor: Annotated[str | None, Query(min_length=1, max_length=512)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Orders:
    """The customer's orders, newest first."""
    params: dict[str, str | int] = {"customer_id": principal.customer_id, "limit": limit}
    if cursor is not None:
        params["cursor"] = cursor
    return read_answer(Orders, await room.tools.fetch("/orders", principal, params=params))


@router.get("/orders/{id}", tags=["orders"])
async def read_order(id: PathId, principal: OrdersCustomer, room: InRoom) -> Order:
    """One of the customer's orders."""
    params = {"customer_id": principal.customer_id}
    return read_answer(Order, await room.tools.fetch(f"/orders/{id}", principal, params=params))


@router.get("/events", tags=["catalogue"], response_model=EventList)
async def search_events(
    *,
    principal: Browser,
    room: InRoom,
    query: Words = None,
    date: DateRange = None,
    city: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    category: Annotated[str | None, Query(min_length=1, max_length=50)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Events by name, performer, date, city or category."""
    asked = {"query": query, "date": date, "city": city, "category": category}
    params: dict[str, str | int] = {"limit": limit}
    params |= {name: value for name, value in asked.items() if value is not None}

    async def load() -> bytes:
        return (await room.tools.call("GET", "/events", principal, params=params)).body

    return respond(Answer(200, await room.catalogue.read(f"events?{urlencode(params)}", load)))


@router.get("/events/{id}", tags=["catalogue"], response_model=EventInfo)
async def read_event(id: PathId, principal: Browser, room: InRoom) -> Response:
    """One event: venue, sections with prices and availability, policies."""

    async def load() -> bytes:
        return (await room.tools.call("GET", f"/events/{id}", principal)).body

    return respond(Answer(200, await room.catalogue.read(f"events/{id}", load)))

"""The tools, orders and events over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER
from usher_shared.contracts.identity import CLIENT_HEADER, CONVERSATION_HEADER, CUSTOMER_HEADER
from usher_shared.contracts.tools import EventInfo, EventList, OrderList, OrderView, SearchEvents, tool_schemas
from usher_shared.errors import Forbidden
from usher_shared.http.app import require_caller
from usher_tools.events.service import get_event_info, search_events
from usher_tools.office import Office
from usher_tools.orders.service import get_order, list_orders
from usher_tools.quotes.service import parse_arguments
from usher_tools.toolbox.service import ToolRequest, run_tool

router = APIRouter(tags=["tools"])
Caller = Annotated[str, Depends(require_caller("agent", "gateway", "cli"))]
Id = Annotated[str, Path(min_length=1, max_length=128)]
Customer = Annotated[str | None, Header(alias=CUSTOMER_HEADER, min_length=1, max_length=128)]


# dependencies are coroutines: FastAPI runs plain functions in a thread, which costs more than they do
async def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


TheOffice = Annotated[Office, Depends(_office)]


@router.get("/tools")
async def get_tools(_: Caller) -> list[dict[str, Any]]:
    """All tools as OpenAI's `tools` parameter."""
    return tool_schemas()


async def _tool_request(
    name: Annotated[str, Path(max_length=64)],
    body: Annotated[dict[str, Any], Body(description="the tool's arguments")],
    caller: Caller,
    *,
    customer_id: Customer = None,
    client_id: Annotated[str | None, Header(alias=CLIENT_HEADER, max_length=128)] = None,
    conversation_id: Annotated[str | None, Header(alias=CONVERSATION_HEADER, max_length=128)] = None,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
    confirmation: Annotated[str | None, Header(alias=CONFIRMATION_HEADER, max_length=8192)] = None,
) -> ToolRequest:
    return ToolRequest(name, body, caller, customer_id, client_id, conversation_id, idempotency_key, confirmation)


@router.post("/tools/{name}")
async def post_tool(
    request: Annotated[ToolRequest, Depends(_tool_request)], office: TheOffice, response: Response
) -> dict[str, Any]:
    """Run one tool. Actions that charge, move or refund need the header Usher-Confirmation and the caller agent."""
    result = await run_tool(request, office)
    if result.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    answer: dict[str, Any] = result.body
    return answer


def _same_customer(customer_id: str, header: str | None) -> str:
    if header is not None and header != customer_id:
        raise Forbidden("customer_id is not the customer of this call", code="wrong_customer")
    return customer_id


OfCustomer = Annotated[str, Query(min_length=1, max_length=128)]


@router.get("/orders")
async def get_orders(
    customer_id: OfCustomer,
    _: Caller,
    office: TheOffice,
    header: Customer = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> OrderList:
    """The customer's orders, newest first."""
    return await list_orders(_same_customer(customer_id, header), office.store, limit=limit, cursor=cursor)


@router.get("/orders/{order_id}")
async def get_one_order(
    order_id: Id, customer_id: OfCustomer, _: Caller, office: TheOffice, header: Customer = None
) -> OrderView:
    """One order of the customer."""
    return await get_order(order_id, _same_customer(customer_id, header), office.store)


@router.get("/events")
async def get_events(
    *,
    _: Caller,
    office: TheOffice,
    query: str | None = None,
    date: str | None = None,
    city: str | None = None,
    category: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventList:
    """Events that fit, as the tool search_events answers."""
    wanted = parse_arguments(SearchEvents, {"query": query, "date": date, "city": city, "category": category})
    return await search_events(wanted, office.store, office.clock, limit=limit)


@router.get("/events/{event_id}")
async def get_one_event(event_id: Id, _: Caller, office: TheOffice) -> EventInfo:
    """One event, as the tool get_event_info answers."""
    return await get_event_info(event_id, office.store, office.clock)

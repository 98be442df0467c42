"""The tools, orders and events over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Response

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER
from usher_shared.contracts.identity import CLIENT_HEADER, CONVERSATION_HEADER
from usher_shared.contracts.tools import EventInfo, EventList, OrderList, OrderView, tool_schemas
from usher_tools.access import Caller, Customer, Id, OfCustomer, TheOffice, same_customer
from usher_tools.office import Office, Page
from usher_tools.toolbox.service import ToolRequest, run_tool

router = APIRouter(tags=["tools"])


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
    limit: Annotated[int | None, Query(ge=1, le=500, description="of list_orders and search_events")] = None,
    cursor: Annotated[str | None, Query(max_length=1000, description="of list_orders")] = None,
) -> ToolRequest:
    return ToolRequest(
        name,
        body,
        caller,
        customer_id,
        client_id,
        conversation_id,
        idempotency_key,
        confirmation,
        Page(limit, cursor),
    )


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


async def _read(request: ToolRequest, office: Office) -> dict[str, Any]:
    answer: dict[str, Any] = (await run_tool(request, office)).body
    return answer


# the answers are JSON already, in the shape of their models: they are described, not built again
@router.get("/orders", response_model=None, responses={200: {"model": OrderList}})
async def get_orders(
    *,
    customer_id: OfCustomer,
    caller: Caller,
    office: TheOffice,
    header: Customer = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """The customer's orders, newest first."""
    customer = same_customer(customer_id, header)
    wanted = {"customer_id": customer}
    return await _read(ToolRequest("list_orders", wanted, caller, customer, page=Page(limit, cursor)), office)


@router.get("/orders/{order_id}", response_model=None, responses={200: {"model": OrderView}})
async def get_one_order(
    order_id: Id, customer_id: OfCustomer, caller: Caller, office: TheOffice, header: Customer = None
) -> dict[str, Any]:
    """One order of the customer."""
    customer = same_customer(customer_id, header)
    return await _read(ToolRequest("get_order", {"order_id": order_id}, caller, customer), office)


@router.get("/events", response_model=None, responses={200: {"model": EventList}})
async def get_events(
    *,
    caller: Caller,
    office: TheOffice,
    query: str | None = None,
    date: str | None = None,
    city: str | None = None,
    category: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Events that fit, as the tool search_events answers."""
    wanted = {"query": query, "date": date, "city": city, "category": category}
    return await _read(ToolRequest("search_events", wanted, caller, page=Page(limit)), office)


@router.get("/events/{event_id}", response_model=None, responses={200: {"model": EventInfo}})
async def get_one_event(event_id: Id, caller: Caller, office: TheOffice) -> dict[str, Any]:
    """One event, as the tool get_event_info answers."""
    return await _read(ToolRequest("get_event_info", {"event_id": event_id}, caller), office)

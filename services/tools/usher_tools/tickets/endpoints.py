"""Tickets, door lists and public keys over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from usher_shared.contracts.tickets import DigitalTicket, DoorList, PublicKeys, TicketList
from usher_shared.http.app import require_caller
from usher_tools.access import Caller, ForCustomer, Id, TheOffice
from usher_tools.tickets.service import draw_code, get_public_keys, get_ticket, get_tickets, make_door_list

router = APIRouter(tags=["tickets"])
SVG = "image/svg+xml"


@router.get("/tickets/keys")
async def get_keys(_: Caller, office: TheOffice) -> PublicKeys:
    """The public keys that tickets and door lists are signed with, as a JSON Web Key Set."""
    return get_public_keys(office)


@router.get("/orders/{order_id}/tickets")
async def get_order_tickets(order_id: Id, customer_id: ForCustomer, office: TheOffice) -> TicketList:
    """The live tickets of one of the customer's orders."""
    return await get_tickets(order_id, customer_id, office)


@router.get(
    "/orders/{order_id}/tickets/{ticket_id}", response_model=DigitalTicket, responses={200: {"content": {SVG: {}}}}
)
async def get_one_ticket(
    *,
    order_id: Id,
    ticket_id: Id,
    customer_id: ForCustomer,
    office: TheOffice,
    form: Annotated[Literal["json", "svg"], Query(alias="format")] = "json",
) -> DigitalTicket | Response:
    """One ticket; with `format=svg` its QR code."""
    ticket = await get_ticket(order_id, ticket_id, customer_id, office)
    if form == "svg":
        return Response(draw_code(ticket), media_type=SVG)
    return ticket


@router.get("/events/{event_id}/door-list", dependencies=[Depends(require_caller("cli"))])
async def get_door_list(event_id: Id, office: TheOffice) -> DoorList:
    """What the doors of an event admit by while they have no network."""
    return await make_door_list(event_id, office)

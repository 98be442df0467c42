"""GET /orders/{id}/tickets and GET /tickets/keys."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from usher_gateway.accepting import prefers
from usher_gateway.access import InRoom, PathId
from usher_gateway.orders.endpoints import OrdersCustomer, read_answer
from usher_shared.contracts.tickets import DigitalTicket, PublicKeys, TicketList

router = APIRouter(tags=["tickets"])
_SVG = "image/svg+xml"
_POLICY = "default-src 'none'"


@router.get("/orders/{id}/tickets")
async def list_tickets(id: PathId, principal: OrdersCustomer, room: InRoom) -> TicketList:
    """The live tickets of one of the customer's orders; `payload` is what the door's QR code holds."""
    params = {"customer_id": principal.customer_id}
    return read_answer(TicketList, await room.tools.fetch(f"/orders/{id}/tickets", principal, params=params))


@router.get("/orders/{id}/tickets/{ticket_id}", response_model=DigitalTicket, responses={200: {"content": {_SVG: {}}}})
async def read_ticket(
    *,
    id: PathId,
    ticket_id: PathId,
    principal: OrdersCustomer,
    room: InRoom,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    form: Annotated[Literal["json", "svg"], Query(alias="format")] = "json",
) -> DigitalTicket | Response:
    """One ticket; its QR code as an image with `format=svg` or `Accept: image/svg+xml`."""
    path, params = f"/orders/{id}/tickets/{ticket_id}", {"customer_id": principal.customer_id}
    if form == "svg" or prefers(accept, _SVG):
        image = await room.tools.call("GET", path, principal, params=params | {"format": "svg"})
        return Response(image.body, media_type=_SVG, headers={"Content-Security-Policy": _POLICY, "Vary": "Accept"})
    return read_answer(DigitalTicket, await room.tools.fetch(path, principal, params=params))


@router.get("/tickets/keys")
async def read_keys(principal: OrdersCustomer, room: InRoom) -> PublicKeys:
    """The public keys (a JSON Web Key Set) that tickets and door lists are signed with."""
    return read_answer(PublicKeys, await room.tools.fetch("/tickets/keys", principal))

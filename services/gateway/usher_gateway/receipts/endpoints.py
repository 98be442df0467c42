"""GET /orders/{id}/receipt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse

from usher_gateway.accepting import prefers
from usher_gateway.access import InRoom, PathId
from usher_gateway.orders.endpoints import OrdersCustomer, read_answer
from usher_gateway.receipts.page import POLICY, render_page
from usher_shared.contracts.receipts import Receipt

router = APIRouter()


@router.get(
    "/orders/{id}/receipt", tags=["orders"], response_model=Receipt, responses={200: {"content": {"text/html": {}}}}
)
async def read_receipt(
    id: PathId, principal: OrdersCustomer, room: InRoom, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Receipt | HTMLResponse:
    """What was paid for one of the customer's orders; a page to print for those who accept `text/html`."""
    params = {"customer_id": principal.customer_id}
    receipt = read_answer(Receipt, await room.tools.fetch(f"/orders/{id}/receipt", principal, params=params))
    if prefers(accept, "text/html"):
        return HTMLResponse(render_page(receipt), headers={"Content-Security-Policy": POLICY, "Vary": "Accept"})
    return receipt

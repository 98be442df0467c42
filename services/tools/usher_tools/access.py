"""What the endpoints ask for: the office, the calling service, the customer a request is for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from usher_shared.contracts.identity import CUSTOMER_HEADER
from usher_shared.errors import Forbidden
from usher_shared.http.app import require_caller
from usher_tools.office import Office

Caller = Annotated[str, Depends(require_caller("agent", "gateway", "cli"))]
Id = Annotated[str, Path(min_length=1, max_length=128)]
Customer = Annotated[str | None, Header(alias=CUSTOMER_HEADER, min_length=1, max_length=128)]
OfCustomer = Annotated[str, Query(min_length=1, max_length=128)]


# dependencies are coroutines: FastAPI runs plain functions in a thread, which costs more than they do
async def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


TheOffice = Annotated[Office, Depends(_office)]


def same_customer(customer_id: str, header: str | None) -> str:
    """Raises Forbidden wrong_customer."""
    if header is not None and header != customer_id:
        raise Forbidden("customer_id is not the customer of this call", code="wrong_customer")
    return customer_id


async def _of_customer(_: Caller, customer_id: OfCustomer, header: Customer = None) -> str:
    return same_customer(customer_id, header)


ForCustomer = Annotated[str, Depends(_of_customer)]

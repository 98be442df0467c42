"""What a customer agreed to, and what is remembered of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from usher_agent.identity import CALLERS, CurrentPrincipal
from usher_agent.memory.customers import Customers
from usher_shared.contracts.preferences import ConsentRequest, ConsentView

router = APIRouter(prefix="/privacy", tags=["privacy"], dependencies=[CALLERS])


async def _customers(request: Request) -> Customers:
    customers: Customers = request.app.state.customers
    return customers


Service = Annotated[Customers, Depends(_customers)]


@router.get("/consent")
async def read(principal: CurrentPrincipal, customers: Service) -> ConsentView:
    return await customers.read(principal.customer_id)


@router.put("/consent")
async def change(body: ConsentRequest, principal: CurrentPrincipal, customers: Service) -> ConsentView:
    """Agree or withdraw. Without consent to preferences all of them are forgotten at once."""
    return await customers.consent(principal.customer_id, body)


@router.delete("/preferences")
async def forget(principal: CurrentPrincipal, customers: Service) -> ConsentView:
    """Forget every preference; the consents stay as they are."""
    await customers.forget(principal.customer_id)
    return await customers.read(principal.customer_id)

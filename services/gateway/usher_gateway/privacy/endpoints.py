"""GET and PUT /privacy/consent, DELETE /privacy/preferences."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Response

from usher_gateway.access import InRoom, customer, from_raw, respond
from usher_shared.contracts.identity import Principal
from usher_shared.contracts.preferences import ConsentRequest, ConsentView

router = APIRouter(prefix="/privacy", tags=["privacy"])
PrivacyCustomer = Annotated[Principal, Depends(customer("privacy"))]


@router.get("/consent", response_model=ConsentView)
async def read_consent(principal: PrivacyCustomer, room: InRoom) -> Response:
    """What the customer agreed to, and what is remembered of them."""
    return respond(from_raw(await room.agent.call("GET", "/privacy/consent", principal)))


@router.put("/consent", response_model=ConsentView)
async def change_consent(
    body: Annotated[ConsentRequest, Body(examples=[{"preferences": True}])], principal: PrivacyCustomer, room: InRoom
) -> Response:
    """Agree or withdraw; what is absent stays as it is. Without consent no preference stays remembered."""
    content = body.model_dump_json(exclude_none=True).encode()
    return respond(from_raw(await room.agent.call("PUT", "/privacy/consent", principal, content=content)))


@router.delete("/preferences", response_model=ConsentView)
async def forget_preferences(principal: PrivacyCustomer, room: InRoom) -> Response:
    """Forget every preference; the consents stay as they are."""
    return respond(from_raw(await room.agent.call("DELETE", "/privacy/preferences", principal)))

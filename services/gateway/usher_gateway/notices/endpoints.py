"""POST /webhooks/{id}: what payment providers tell the box office. The signature is the only credential."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel

from usher_gateway.access import InRoom
from usher_shared.errors import PayloadTooLarge

_MAX_BYTES = 256 << 10
router = APIRouter(prefix="/webhooks", tags=["webhooks"])


class Received(BaseModel):
    received: bool


@router.post("/{id}", openapi_extra={"security": []})
async def receive_notification(
    id: Annotated[
        str, Path(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="the payment provider", examples=["stripe"])
    ],
    request: Request,
    room: InRoom,
    signature: Annotated[str, Header(alias="Stripe-Signature", max_length=4096)] = "",
) -> Received:
    """A payment provider's notification, signed by it. It makes the box office look the payment up; repeat it at will.

    404 for a provider that none is expected from, 400 for a signature that is wrong or older than five minutes.
    """
    body = await request.body()
    if len(body) > _MAX_BYTES:
        raise PayloadTooLarge(f"a notification has at most {_MAX_BYTES} bytes")
    await room.tools.pass_on(f"/notices/{id}", content=body, headers={"Stripe-Signature": signature})
    return Received(received=True)

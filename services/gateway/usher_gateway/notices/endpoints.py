"""POST /webhooks/{id}: what payment providers tell the box office. The signature is the only credential."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel

from usher_gateway.access import InRoom
from usher_shared.errors import PayloadTooLarge, RequestTimeout

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

    404 for a provider that none is expected from, 400 for a signature that is wrong or older than five minutes, 408 for
    a body that does not arrive.
    """
    try:
        async with asyncio.timeout(room.settings.notice_seconds):
            body = await _read(request)
    except TimeoutError as error:
        raise RequestTimeout("the notification did not arrive in time") from error
    await room.tools.pass_on(f"/notices/{id}", content=body, headers={"Stripe-Signature": signature})
    return Received(received=True)


async def _read(request: Request) -> bytes:
    """The body, of which no more is read than may be: whoever sends it has shown no credential yet."""
    declared = request.headers.get("content-length", "")
    body = bytearray()
    if not declared.isdecimal() or int(declared) <= _MAX_BYTES:
        async for part in request.stream():
            body += part
            if len(body) > _MAX_BYTES:
                break
        else:
            return bytes(body)
    raise PayloadTooLarge(f"a notification has at most {_MAX_BYTES} bytes")

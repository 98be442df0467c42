"""Notifications of payment providers, as the gateway passes them on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request

from usher_shared.errors import NotFound
from usher_shared.http.app import require_caller
from usher_tools.notices.service import take_notice
from usher_tools.office import Office
from usher_tools.payments.ports import PaymentNotices

router = APIRouter(tags=["payments"])
Caller = Annotated[str, Depends(require_caller("gateway"))]


@router.post("/notices/{provider}")
async def post_notice(
    provider: Annotated[str, Path(max_length=64)],
    request: Request,
    _: Caller,
    signature: Annotated[str, Header(alias="Stripe-Signature", max_length=4096)] = "",
) -> dict[str, bool]:
    """Check the signature over the body as it came, then look the payment up."""
    readers: Mapping[str, PaymentNotices] = request.app.state.notices
    reader = readers.get(provider)
    if reader is None:
        raise NotFound(f"no notifications are expected from {provider}", code="unknown_provider")
    office: Office = request.app.state.office
    await take_notice(reader.read(await request.body(), signature), office)
    return {"received": True}

"""Who a request is for: the headers that the gateway sets, believed beside its service token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError

from usher_shared.contracts.identity import CLIENT_HEADER, CUSTOMER_HEADER, Principal
from usher_shared.errors import InvalidRequest
from usher_shared.http.app import require_caller

CALLERS = Depends(require_caller("gateway", "cli"))


async def _principal(request: Request) -> Principal:  # async, or each request would visit a thread
    try:
        return Principal(
            client_id=request.headers.get(CLIENT_HEADER, ""), customer_id=request.headers.get(CUSTOMER_HEADER, "")
        )
    except ValidationError as error:
        detail = f"the headers {CLIENT_HEADER} and {CUSTOMER_HEADER} are required"
        raise InvalidRequest(detail, code="no_principal") from error


CurrentPrincipal = Annotated[Principal, Depends(_principal)]

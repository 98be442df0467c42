"""POST /mcp. No streams are offered: GET and DELETE are 405, as the protocol has it for such a server."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.types import Receive, Scope, Send

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER
from usher_shared.contracts.identity import CLIENT_HEADER, CONVERSATION_HEADER, CUSTOMER_HEADER
from usher_shared.http.app import require_caller
from usher_tools.mcp.model import IDENTITY_SCOPE, CallIdentity
from usher_tools.mcp.sessions import Sessions

router = APIRouter()


async def _identity(
    caller: Annotated[str, Depends(require_caller("agent", "gateway", "cli"))],
    customer_id: Annotated[str | None, Header(alias=CUSTOMER_HEADER, min_length=1, max_length=128)] = None,
    client_id: Annotated[str | None, Header(alias=CLIENT_HEADER, max_length=128)] = None,
    conversation_id: Annotated[str | None, Header(alias=CONVERSATION_HEADER, max_length=128)] = None,
    confirmation: Annotated[str | None, Header(alias=CONFIRMATION_HEADER, max_length=8192)] = None,
) -> CallIdentity:
    return CallIdentity(caller, customer_id, client_id, conversation_id, confirmation)


class _Handled(Response):
    """Leaves the answer to the protocol's library."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__()
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._sessions(scope, receive, send)


# JSON-RPC is not described by OpenAPI; docs/guides/mcp.md describes it
@router.post("/mcp", include_in_schema=False)
async def post(request: Request, identity: Annotated[CallIdentity, Depends(_identity)]) -> Response:
    """One JSON-RPC message of the Model Context Protocol."""
    request.scope[IDENTITY_SCOPE] = identity
    sessions: Sessions = request.app.state.mcp
    return _Handled(sessions)

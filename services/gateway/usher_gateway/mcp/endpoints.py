"""POST /mcp, and where its clients learn who issues tokens for it. No streams: GET and DELETE are 405."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from usher_gateway.access import InRoom, Room
from usher_gateway.admission import identity_of
from usher_gateway.identity.service import choose_principal, require_scope
from usher_gateway.mcp.origin import check_origin
from usher_gateway.mcp.passing import pass_on
from usher_gateway.settings import Settings
from usher_shared.contracts.identity import CUSTOMER_HEADER, Principal
from usher_shared.errors import InvalidRequest, NotFound

PATH = "/mcp"
METADATA_PATH = f"/.well-known/oauth-protected-resource{PATH}"
# JSON-RPC is not described by OpenAPI; docs/guides/mcp.md describes it
router = APIRouter(include_in_schema=False)


async def _principal(request: Request, room: InRoom) -> Principal:
    """The customer, who is the caller or named by the header Usher-Customer.

    The scope is one of its own: who has it alone can ask for a purchase, and cannot approve it.
    """
    settings = room.settings
    headers = request.headers
    check_origin(
        headers.get("origin"), headers.get("host"), origins=settings.allowed_origins, public_url=settings.public_url
    )
    identity = identity_of(request)
    require_scope(identity, "tools")
    named = headers.getlist(CUSTOMER_HEADER)
    if len(named) > 1:
        raise InvalidRequest(f"{CUSTOMER_HEADER} was sent more than once", code="two_customers")
    return choose_principal(identity, named[0] if named else None)


@router.post(PATH)
async def post(request: Request, principal: Annotated[Principal, Depends(_principal)], room: InRoom) -> Response:
    """One JSON-RPC message of the Model Context Protocol."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest("the Content-Type has to be application/json", code="bad_content_type")
    answer = await pass_on(await request.body(), _protocol(request), principal, agent=room.agent, tools=room.tools)
    return Response(answer.body, answer.status, media_type=answer.media_type if answer.body else None)


def _protocol(request: Request) -> dict[str, str]:
    """The headers that belong to the protocol; one sent twice is folded, and refused by the box office."""
    names = {name for name in request.headers if name == "accept" or name.startswith("mcp-")}
    return {name: ", ".join(request.headers.getlist(name)) for name in names}


@router.get(METADATA_PATH)
async def protected_resource(room: InRoom) -> dict[str, Any]:
    """OAuth 2.0 Protected Resource Metadata (RFC 9728): who issues the tokens that POST /mcp takes."""
    if not is_described(room.settings):
        raise NotFound("no issuer of tokens is configured for this server")
    return _described(room)


def is_described(settings: Settings) -> bool:
    """Whether there is an issuer to be sent to, and a name that this server is known by."""
    return settings.public_url is not None and (settings.issuer or "").startswith("https://")


def challenges(settings: Settings) -> dict[str, str]:
    """WWW-Authenticate of a 401, by path."""
    if not is_described(settings):
        return {}
    return {PATH: f'Bearer resource_metadata="{settings.public_url}{METADATA_PATH}"'}


def _described(room: Room) -> dict[str, Any]:
    settings = room.settings
    return {
        "resource": f"{settings.public_url}{PATH}",
        "authorization_servers": [settings.issuer],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["tools"],
    }

"""Webhook subscriptions: passed on to the delivery service for the client that owns them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel

from usher_gateway.access import (
    IdempotencyKey,
    InRoom,
    PathId,
    Room,
    caller,
    from_raw,
    replay_scope,
    respond,
)
from usher_gateway.identity.model import Identity
from usher_gateway.identity.service import choose_principal
from usher_gateway.replay.model import Answer
from usher_shared.contracts.identity import Principal
from usher_shared.contracts.webhooks import (
    DeliveryList,
    ReplayRequest,
    ReplayStarted,
    Webhook,
    WebhookChange,
    WebhookList,
    WebhookRegistration,
    WebhookWithSecret,
)

_EXAMPLE = {"url": "https://shop.example/hooks/usher", "events": ["ticket_purchased", "ticket_refunded"]}
router = APIRouter(prefix="/webhooks", tags=["webhooks"])


async def _owner(identity: Annotated[Identity, Depends(caller("webhooks"))]) -> Principal:
    return choose_principal(identity, None)


Owner = Annotated[Principal, Depends(_owner)]


async def _post(
    *, request: Request, room: Room, owner: Principal, path: str, key: str | None, body: BaseModel | None
) -> Response:
    content = None if body is None else body.model_dump_json(exclude_unset=True).encode()

    async def execute() -> Answer:
        return from_raw(await room.webhooks.call("POST", path, owner, content=content))

    return respond(await room.replays.run(key, replay_scope(request, owner), await request.body(), execute))


@router.post("/register", status_code=201, response_model=WebhookWithSecret)
async def register(
    request: Request,
    body: Annotated[WebhookRegistration, Body(examples=[_EXAMPLE])],
    owner: Owner,
    room: InRoom,
    key: IdempotencyKey = None,
) -> Response:
    """Subscribe a URL to events. The secret that signs them is shown this once."""
    return await _post(request=request, room=room, owner=owner, path="/webhooks/register", key=key, body=body)


@router.get("", response_model=WebhookList)
async def list_webhooks(owner: Owner, room: InRoom) -> Response:
    """The client's subscriptions."""
    return respond(from_raw(await room.webhooks.call("GET", "/webhooks", owner)))


@router.get("/{id}", response_model=Webhook)
async def read_webhook(id: PathId, owner: Owner, room: InRoom) -> Response:
    """One subscription."""
    return respond(from_raw(await room.webhooks.call("GET", f"/webhooks/{id}", owner)))


@router.patch("/{id}", response_model=Webhook)
async def change_webhook(id: PathId, body: WebhookChange, owner: Owner, room: InRoom) -> Response:
    """Change what is given; the rest stays."""
    content = body.model_dump_json(exclude_unset=True).encode()
    return respond(from_raw(await room.webhooks.call("PATCH", f"/webhooks/{id}", owner, content=content)))


@router.delete("/{id}", status_code=204, response_class=Response)
async def delete_webhook(id: PathId, owner: Owner, room: InRoom) -> Response:
    """End a subscription."""
    return respond(from_raw(await room.webhooks.call("DELETE", f"/webhooks/{id}", owner)))


@router.post("/{id}/rotate-secret", response_model=WebhookWithSecret)
async def rotate_secret(
    request: Request, id: PathId, owner: Owner, room: InRoom, key: IdempotencyKey = None
) -> Response:
    """A new secret; for a while both sign."""
    path = f"/webhooks/{id}/rotate-secret"
    return await _post(request=request, room=room, owner=owner, path=path, key=key, body=None)


@router.get("/{id}/deliveries", response_model=DeliveryList)
async def list_deliveries(
    id: PathId,
    owner: Owner,
    room: InRoom,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
) -> Response:
    """What was sent to this subscription, newest first, with every attempt."""
    params: dict[str, str | int] = {"limit": limit}
    if cursor is not None:
        params["cursor"] = cursor
    return respond(from_raw(await room.webhooks.call("GET", f"/webhooks/{id}/deliveries", owner, params=params)))


@router.post("/{id}/replay", status_code=202, response_model=ReplayStarted)
async def replay(
    *,
    request: Request,
    id: PathId,
    body: ReplayRequest,
    owner: Owner,
    room: InRoom,
    key: IdempotencyKey = None,
) -> Response:
    """Send again what failed since a time, or one delivery."""
    path = f"/webhooks/{id}/replay"
    return await _post(request=request, room=room, owner=owner, path=path, key=key, body=body)

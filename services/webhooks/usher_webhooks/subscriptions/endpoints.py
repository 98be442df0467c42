"""The public webhook calls, behind the gateway.

A client with the scope `webhooks` is an integration that the venue itself runs (box office, accounting, CRM): a
webhook receives every event of the types it names, whichever client application the event came through. What is
kept apart per client is the webhooks themselves: another client's are 404.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request

from usher_shared.contracts.identity import CLIENT_HEADER
from usher_shared.contracts.webhooks import (
    Webhook,
    WebhookChange,
    WebhookList,
    WebhookRegistration,
    WebhookWithSecret,
)
from usher_shared.http.app import require_caller
from usher_webhooks.subscriptions.service import SubscriptionService

router = APIRouter(prefix="/webhooks", tags=["webhooks"], dependencies=[Depends(require_caller("gateway"))])


def _service(request: Request) -> SubscriptionService:
    service: SubscriptionService = request.app.state.subscriptions
    return service


Service = Annotated[SubscriptionService, Depends(_service)]
Owner = Annotated[str, Header(alias=CLIENT_HEADER, min_length=1, max_length=128)]
WebhookId = Annotated[str, Path(max_length=128)]


@router.post("/register", status_code=201)
async def register(service: Service, owner: Owner, wanted: WebhookRegistration) -> WebhookWithSecret:
    """From now on every event of the named types is sent there. The secret is shown this once."""
    return (await service.register(owner, wanted)).view_with_secret()


@router.get("")
async def list_webhooks(service: Service, owner: Owner) -> WebhookList:
    return WebhookList(webhooks=[subscription.view() for subscription in await service.list(owner)])


@router.get("/{webhook_id}")
async def get_webhook(service: Service, owner: Owner, webhook_id: WebhookId) -> Webhook:
    return (await service.get(owner, webhook_id)).view()


@router.patch("/{webhook_id}")
async def change_webhook(service: Service, owner: Owner, webhook_id: WebhookId, change: WebhookChange) -> Webhook:
    """Fields that are left out stay. While disabled no new events are taken; pending ones wait."""
    return (await service.change(owner, webhook_id, change)).view()


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(service: Service, owner: Owner, webhook_id: WebhookId) -> None:
    await service.delete(owner, webhook_id)


@router.post("/{webhook_id}/rotate-secret")
async def rotate_secret(service: Service, owner: Owner, webhook_id: WebhookId) -> WebhookWithSecret:
    """The new secret, shown this once. For a day by default, messages carry a signature of the old one too."""
    return (await service.rotate_secret(owner, webhook_id)).view_with_secret()

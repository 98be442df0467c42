"""The delivery log and replay, behind the gateway."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request

from usher_shared.contracts.identity import CLIENT_HEADER
from usher_shared.contracts.webhooks import DeliveryList, ReplayRequest, ReplayStarted
from usher_shared.http.app import require_caller
from usher_webhooks.deliveries.service import DeliveryService
from usher_webhooks.subscriptions.model import Subscription
from usher_webhooks.subscriptions.service import SubscriptionService

router = APIRouter(prefix="/webhooks", tags=["deliveries"], dependencies=[Depends(require_caller("gateway"))])


def _service(request: Request) -> DeliveryService:
    service: DeliveryService = request.app.state.deliveries
    return service


async def _webhook(
    request: Request,
    owner: Annotated[str, Header(alias=CLIENT_HEADER, min_length=1, max_length=128)],
    webhook_id: Annotated[str, Path(max_length=128)],
) -> Subscription:
    subscriptions: SubscriptionService = request.app.state.subscriptions
    return await subscriptions.get(owner, webhook_id)


Service = Annotated[DeliveryService, Depends(_service)]
OwnWebhook = Annotated[Subscription, Depends(_webhook)]


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    service: Service,
    webhook: OwnWebhook,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> DeliveryList:
    deliveries, next_cursor = await service.list(webhook, limit, cursor)
    return DeliveryList(deliveries=[delivery.view() for delivery in deliveries], next_cursor=next_cursor)


@router.post("/{webhook_id}/replay", status_code=202)
async def replay(service: Service, webhook: OwnWebhook, wanted: ReplayRequest) -> ReplayStarted:
    return ReplayStarted(deliveries=await service.replay(webhook, wanted))

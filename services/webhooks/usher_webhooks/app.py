"""The webhooks app: subscriptions, one delivery per event and webhook, sending with retries."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import FastAPI

from usher_shared.bus import EventBus
from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.http.app import create_service_app, push_router
from usher_shared.http.tokens import TokenVerifier
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox
from usher_webhooks.deliveries import endpoints as deliveries
from usher_webhooks.deliveries.dispatcher import Dispatcher
from usher_webhooks.deliveries.ports import Sender
from usher_webhooks.deliveries.queue import DeliveryQueue
from usher_webhooks.deliveries.schedule import RetrySchedule
from usher_webhooks.deliveries.service import DeliveryService
from usher_webhooks.settings import Settings
from usher_webhooks.subscriptions import endpoints as subscriptions
from usher_webhooks.subscriptions.ports import Destinations
from usher_webhooks.subscriptions.service import SubscriptionService


@dataclass(frozen=True)
class Deps:
    store: DocumentStore
    bus: EventBus
    sender: Sender
    destinations: Destinations
    clock: Clock
    ids: IdGenerator
    verifier: TokenVerifier
    rng: random.Random = field(default_factory=random.Random)


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    schedule = RetrySchedule(settings.retry_seconds, settings.retry_jitter, settings.max_retry_after_seconds)
    lease = timedelta(seconds=settings.timeout_seconds + settings.lease_margin_seconds)
    outbox = Outbox(deps.store, deps.bus)
    dispatcher = Dispatcher(
        DeliveryQueue(deps.store, outbox, clock=deps.clock, ids=deps.ids, schedule=schedule, rng=deps.rng, lease=lease),
        deps.sender,
        deps.clock,
        concurrency=settings.concurrency_per_webhook,
        breaker_failures=settings.breaker_failures,
        sweep_seconds=settings.sweep_seconds,
        stop_seconds=settings.stop_seconds,
    )
    service = DeliveryService(deps.store, dispatcher, deps.clock, deps.ids, keep=timedelta(days=settings.keep_days))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await outbox.start()
        await dispatcher.start()
        yield
        await dispatcher.stop()
        await outbox.stop()
        await deps.sender.close()
        await deps.bus.close()
        await deps.store.close()

    app = create_service_app(
        "webhooks",
        version="0.1.0",
        summary="Outbound delivery: subscriptions, signing, retries",
        routers=[push_router(service.fan_out), subscriptions.router, deliveries.router],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"store": deps.store.ping},
    )
    app.state.deliveries = service
    app.state.subscriptions = SubscriptionService(
        deps.store,
        deps.destinations,
        dispatcher,
        deps.clock,
        deps.ids,
        rotation=timedelta(hours=settings.rotation_hours),
        max_per_owner=settings.max_webhooks_per_client,
    )
    return app

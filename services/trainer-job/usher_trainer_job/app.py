"""The trainer-job's small trigger: it records that training is due; it starts no job and trains nothing yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI

from usher_shared.clock import Clock
from usher_shared.documents import DocumentStore
from usher_shared.http.app import create_service_app, push_router
from usher_shared.http.tokens import TokenVerifier
from usher_shared.ids import IdGenerator
from usher_trainer_job.settings import Settings
from usher_trainer_job.trigger import endpoints
from usher_trainer_job.trigger.service import TrainingTrigger


@dataclass(frozen=True)
class Deps:
    store: DocumentStore
    clock: Clock
    ids: IdGenerator
    verifier: TokenVerifier


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    trigger = TrainingTrigger(
        deps.store,
        deps.clock,
        deps.ids,
        threshold=settings.conversation_threshold,
        cool_down=timedelta(hours=settings.cool_down_hours),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await deps.store.close()

    app = create_service_app(
        "trainer-job",
        version="0.1.0",
        summary="Counts conversations and records when training is due",
        routers=[push_router(trigger.handle), endpoints.router],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"store": deps.store.ping},
    )
    app.state.trigger = trigger
    return app

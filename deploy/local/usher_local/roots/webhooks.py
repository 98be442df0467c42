"""Webhooks on the embedded stack: endpoints are usually on the same machine, and nobody waits hours for a retry."""

from __future__ import annotations

from fastapi import FastAPI

from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator
from usher_webhooks.adapters.http import HttpSender
from usher_webhooks.app import Deps, create_app
from usher_webhooks.destinations import DestinationPolicy
from usher_webhooks.settings import Settings

_RETRY_SECONDS = (1.0, 5.0, 30.0, 300.0, 1800.0, 7200.0)


def build(stack: Stack) -> FastAPI:
    given = Settings()
    ours = {"allow_private_networks": True, "retry_seconds": _RETRY_SECONDS}
    # what the environment sets stays as it is
    settings = given.model_copy(update={k: v for k, v in ours.items() if k not in given.model_fields_set})
    sender = HttpSender(
        DestinationPolicy(settings.allow_private_networks),
        timeout_seconds=settings.timeout_seconds,
        max_response_bytes=settings.max_response_bytes,
    )
    return create_app(
        settings,
        Deps(
            store=stack.store("webhooks"),
            bus=stack.bus("webhooks"),
            sender=sender,
            destinations=sender,
            clock=SystemClock(),
            ids=UlidGenerator(),
            verifier=stack.verifier(),
        ),
    )

"""Outbound webhooks on Google Cloud: `python -m usher_webhooks`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator
from usher_webhooks.adapters.http import HttpSender
from usher_webhooks.app import Deps, create_app
from usher_webhooks.destinations import DestinationPolicy
from usher_webhooks.settings import Settings


def build(cloud: Cloud) -> FastAPI:
    settings = Settings()
    sender = HttpSender(
        DestinationPolicy(settings.allow_private_networks),
        timeout_seconds=settings.timeout_seconds,
        max_response_bytes=settings.max_response_bytes,
    )
    return create_app(
        settings,
        Deps(
            store=cloud.store("webhooks"),
            bus=cloud.bus(),
            sender=sender,
            destinations=sender,
            clock=SystemClock(),
            ids=UlidGenerator(),
            verifier=cloud.verifier,
        ),
    )


if __name__ == "__main__":
    main("webhooks", build)

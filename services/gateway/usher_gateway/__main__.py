"""The gateway on Google Cloud: `python -m usher_gateway`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_gateway.adapters.caches import answer_cache
from usher_gateway.adapters.counters import WindowCounter
from usher_gateway.adapters.jwks import key_set
from usher_gateway.app import Deps, create_app
from usher_gateway.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    """Bearer tokens of customers are accepted where USHER_GATEWAY_ISSUER names an identity provider.

    Clients reach it under the URL that Cloud Run gave it unless USHER_GATEWAY_PUBLIC_URL names another.
    """
    settings = Settings()
    if settings.public_url is None:
        settings = settings.model_copy(update={"public_url": cloud.url("gateway")})
    return create_app(
        settings,
        Deps(
            store=cloud.store("gateway"),
            bus=cloud.bus(),
            agent=cloud.client("agent", timeout_seconds=settings.turn_seconds),
            tools=cloud.client("tools", timeout_seconds=settings.call_seconds),
            webhooks=cloud.client("webhooks", timeout_seconds=settings.call_seconds),
            logger=cloud.client("logger", timeout_seconds=settings.call_seconds),
            key_set=None if settings.issuer is None else key_set(settings.jwks_file, settings.jwks_url),
            shared_counter=WindowCounter(settings.limit_storage, timeout_seconds=settings.redis_seconds),
            local_counter=WindowCounter("memory://"),
            answer_cache=answer_cache(settings.cache_storage, timeout_seconds=settings.redis_seconds),
            verifier=cloud.verifier,
            clock=SystemClock(),
            ids=UlidGenerator(),
        ),
    )


if __name__ == "__main__":
    main("gateway", build)

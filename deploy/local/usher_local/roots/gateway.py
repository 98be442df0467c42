"""The gateway of the embedded stack."""

from __future__ import annotations

from fastapi import FastAPI

from usher_gateway.adapters.caches import answer_cache
from usher_gateway.adapters.counters import WindowCounter
from usher_gateway.adapters.jwks import key_set
from usher_gateway.app import Deps, create_app
from usher_gateway.settings import Settings
from usher_local import customer_tokens
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator


def build(stack: Stack) -> FastAPI:
    """Bearer tokens are the stack's own unless USHER_GATEWAY_ISSUER names an identity provider."""
    settings = Settings()
    if settings.issuer is None:
        settings = settings.model_copy(
            update={
                "issuer": customer_tokens.ISSUER,
                "audience": customer_tokens.AUDIENCE,
                "jwks_file": customer_tokens.ensure_keys(stack.home),
            }
        )
    return create_app(
        settings,
        Deps(
            store=stack.store("gateway"),
            bus=stack.bus("gateway"),
            agent=stack.client("gateway", "agent", timeout_seconds=settings.turn_seconds),
            tools=stack.client("gateway", "tools", timeout_seconds=settings.call_seconds),
            webhooks=stack.client("gateway", "webhooks", timeout_seconds=settings.call_seconds),
            logger=stack.client("gateway", "logger", timeout_seconds=settings.call_seconds),
            key_set=key_set(settings.jwks_file, settings.jwks_url),
            shared_counter=WindowCounter(settings.limit_storage, timeout_seconds=settings.redis_seconds),
            local_counter=WindowCounter("memory://"),
            answer_cache=answer_cache(settings.cache_storage, timeout_seconds=settings.redis_seconds),
            verifier=stack.verifier(),
            clock=SystemClock(),
            ids=UlidGenerator(),
        ),
    )

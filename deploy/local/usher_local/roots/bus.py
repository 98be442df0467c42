"""The bus of the embedded stack."""

from __future__ import annotations

from fastapi import FastAPI

from usher_local.bus.app import Deps, create_app
from usher_local.bus.settings import Settings
from usher_local.bus.store import BusStore
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.events import load_topics


def build(stack: Stack) -> FastAPI:
    deps = Deps(
        topology=load_topics(),
        store=BusStore(stack.data / "bus.db"),
        url_of=stack.url,
        tokens=stack.tokens("bus"),
        verifier=stack.verifier(),
        clock=SystemClock(),
    )
    return create_app(Settings(), deps)

"""The inference service on the laptop: the offline engine alone."""

from fastapi import FastAPI

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import VERSION, Deps, create_app
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator


def build(stack: Stack) -> FastAPI:
    """The app of the embedded stack."""
    clock = SystemClock()
    deps = Deps(
        models=FixedModels((PlaybookEngine(VERSION),), clock.now()),
        verifier=stack.verifier(),
        clock=clock,
        ids=UlidGenerator(),
    )
    return create_app(Settings(), deps)

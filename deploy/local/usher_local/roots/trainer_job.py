"""The training trigger on the embedded stack."""

from __future__ import annotations

from fastapi import FastAPI

from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator
from usher_trainer_job.app import Deps, create_app
from usher_trainer_job.settings import Settings


def build(stack: Stack) -> FastAPI:
    return create_app(Settings(), Deps(stack.store("trainer-job"), SystemClock(), UlidGenerator(), stack.verifier()))

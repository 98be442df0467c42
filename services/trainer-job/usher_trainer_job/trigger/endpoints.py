"""GET /status."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from usher_shared.http.app import require_caller
from usher_trainer_job.trigger.model import Status
from usher_trainer_job.trigger.service import TrainingTrigger

router = APIRouter(tags=["status"], dependencies=[Depends(require_caller("cli", "logger"))])


def _trigger(request: Request) -> TrainingTrigger:
    trigger: TrainingTrigger = request.app.state.trigger
    return trigger


@router.get("/status")
async def get_status(trigger: Annotated[TrainingTrigger, Depends(_trigger)]) -> Status:
    """How far the next training request is, and the newest requests."""
    return await trigger.status()

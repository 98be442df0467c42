"""Cancelling an event over HTTP: an operator's act."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from usher_shared.http.app import require_caller
from usher_tools.access import Id, TheOffice
from usher_tools.cancellations.model import CancellationView
from usher_tools.cancellations.service import CancellationDesk, cancel_event, get_cancellation

router = APIRouter(tags=["events"], dependencies=[Depends(require_caller("cli"))])


class CancelEvent(BaseModel):
    """`reason` is told to every customer."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]


@router.post("/events/{event_id}/cancel")
async def post_cancel(event_id: Id, wanted: CancelEvent, office: TheOffice, request: Request) -> CancellationView:
    """Cancel the event: sales end with the answer, and all orders are refunded in full from then on. Repeatable."""
    answer = await cancel_event(event_id, wanted.reason, office.store, office.clock)
    desk: CancellationDesk = request.app.state.cancellations
    desk.wake()
    return answer


@router.get("/events/{event_id}/cancellation")
async def get_progress(event_id: Id, office: TheOffice) -> CancellationView:
    """How far the refunds of a cancelled event are."""
    return await get_cancellation(event_id, office.store)

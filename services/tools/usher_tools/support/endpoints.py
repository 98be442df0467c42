"""Support tickets for an operator of the box office."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from usher_shared.http.app import require_caller
from usher_tools.access import Id, TheOffice
from usher_tools.office import Office
from usher_tools.support.model import SupportTicketList, TicketDecision, TicketStatus, TicketView
from usher_tools.support.service import decide_ticket, find_ticket, list_tickets

router = APIRouter(prefix="/support-tickets", tags=["support"])
Operator = Annotated[str, Depends(require_caller("cli"))]


async def _decide(office: Office, ticket_id: str, outcome: TicketStatus, decision: TicketDecision) -> TicketView:
    days = office.settings.waiver_days
    return await decide_ticket(office.store, office.clock, ticket_id, outcome, decision, waiver_days=days)


@router.get("")
async def get_tickets(
    _: Operator,
    office: TheOffice,
    status: TicketStatus = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> SupportTicketList:
    """Tickets of that status, the oldest first."""
    return await list_tickets(office.store, status, limit=limit, cursor=cursor)


@router.get("/{ticket_id}")
async def get_ticket(ticket_id: Id, _: Operator, office: TheOffice) -> TicketView:
    """One ticket, whatever its status."""
    return await find_ticket(office.store, ticket_id)


@router.post("/{ticket_id}/approve")
async def approve_ticket(ticket_id: Id, decision: TicketDecision, _: Operator, office: TheOffice) -> TicketView:
    """Make an exception: the customer's next quote for that order and action succeeds, once."""
    return await _decide(office, ticket_id, "approved", decision)


@router.post("/{ticket_id}/reject")
async def reject_ticket(ticket_id: Id, decision: TicketDecision, _: Operator, office: TheOffice) -> TicketView:
    """Make no exception."""
    return await _decide(office, ticket_id, "rejected", decision)


@router.post("/{ticket_id}/close")
async def close_ticket(ticket_id: Id, decision: TicketDecision, _: Operator, office: TheOffice) -> TicketView:
    """End a ticket that asks for no exception."""
    return await _decide(office, ticket_id, "closed", decision)

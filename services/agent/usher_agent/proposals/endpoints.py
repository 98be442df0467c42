"""POST /proposals."""

from __future__ import annotations

from fastapi import APIRouter, Request

from usher_agent.identity import CALLERS, CurrentPrincipal
from usher_agent.proposals.service import Proposals
from usher_shared.contracts.proposals import ProposalAnswer, ProposalRequest

router = APIRouter(tags=["confirmations"], dependencies=[CALLERS])


@router.post("/proposals")
async def ask(body: ProposalRequest, principal: CurrentPrincipal, request: Request) -> ProposalAnswer:
    """Ask the customer for a yes to an action that charges, moves or refunds; again: what became of it."""
    proposals: Proposals = request.app.state.proposals
    return await proposals.ask(body, principal)

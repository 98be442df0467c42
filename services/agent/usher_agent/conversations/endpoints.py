"""Reading, ending, cancelling and erasing conversations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from usher_agent.conversations.service import Conversations
from usher_agent.identity import CALLERS, CurrentPrincipal
from usher_shared.contracts.chat import ConversationStatus, ConversationView

router = APIRouter(prefix="/conversations", tags=["conversations"], dependencies=[CALLERS])


async def _conversations(request: Request) -> Conversations:
    conversations: Conversations = request.app.state.conversations
    return conversations


Service = Annotated[Conversations, Depends(_conversations)]


@router.get("/{conversation_id}")
async def read(conversation_id: str, principal: CurrentPrincipal, conversations: Service) -> ConversationView:
    return ConversationView.model_validate(await conversations.view(conversation_id, principal.customer_id))


@router.post("/{conversation_id}/end")
async def end(conversation_id: str, principal: CurrentPrincipal, conversations: Service) -> ConversationStatus:
    """Complete the conversation and give back the seats that it still holds; again is no error."""
    await conversations.end(conversation_id, principal.customer_id)
    return ConversationStatus(conversation_id=conversation_id, status="ended")


@router.post("/{conversation_id}/cancel")
async def cancel(conversation_id: str, principal: CurrentPrincipal, conversations: Service) -> ConversationStatus:
    """Stop the running turn; a confirmed action that is being carried out goes to its end. `open`: nothing ran."""
    stopped = await conversations.cancel(conversation_id, principal.customer_id)
    return ConversationStatus(conversation_id=conversation_id, status="cancelled" if stopped else "open")


@router.delete("/{conversation_id}")
async def erase(conversation_id: str, principal: CurrentPrincipal, conversations: Service) -> ConversationStatus:
    """Remove every text of the conversation; again is no error."""
    await conversations.erase(conversation_id, principal.customer_id)
    return ConversationStatus(conversation_id=conversation_id, status="erased")

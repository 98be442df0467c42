"""A request that comes again: answered from the turn it led to, so that a retry says nothing twice.

The gateway remembers answers by Idempotency-Key too, but it can die between the turn and its own record.
"""

from __future__ import annotations

from typing import Any

from usher_agent.conversations.model import CONVERSATIONS, TURNS, Conversation, turn_document_id
from usher_agent.turns.model import TurnCommand
from usher_shared.documents import DocumentStore


async def find_answer(store: DocumentStore, command: TurnCommand) -> dict[str, Any] | None:
    """The ChatResponse of the finished turn with this command's key, if there was one."""
    if command.key is None or command.conversation_id is None:
        return None
    document = await store.get(CONVERSATIONS, command.conversation_id)
    if document is None:
        return None
    conversation = Conversation.from_document(document)
    number = conversation.turn_of(command.key)
    if number is None or conversation.customer_id != command.customer_id:
        return None
    turn = await store.get(TURNS, turn_document_id(conversation.id, number))
    if turn is None or turn["assistant"] is None:
        return None
    return {
        "conversation_id": conversation.id,
        "message_id": turn["assistant"]["message_id"],
        "reply": turn["assistant"]["text"],
        "agent": turn.get("agent", "usher"),  # older turns had one agent
        "tool_calls": turn["tool_calls"],
        "confirmation": turn.get("confirmation"),
        "citations": [],
        "model": turn["model"],
        "usage": turn["usage"],
    }

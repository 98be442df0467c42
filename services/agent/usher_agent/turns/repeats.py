"""A request that comes again: answered from the turn it led to, so that a retry says nothing twice.

The gateway remembers answers by Idempotency-Key too, but it can die between the turn and its own record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usher_agent.conversations.model import CONVERSATIONS, TURNS, Conversation, turn_document_id
from usher_agent.turns.model import TurnCommand
from usher_shared.documents import DocumentStore
from usher_shared.personal import Vault


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
        "reply": Vault(conversation.personal).show(turn["assistant"]["text"]),
        "agent": turn.get("agent", "usher"),  # older turns had one agent
        "tool_calls": turn["tool_calls"],
        "confirmation": turn.get("confirmation"),
        "citations": turn.get("citations", []),
        "model": turn["model"],
        "usage": turn["usage"],
    }


@dataclass(frozen=True, slots=True)
class StreamedTurn:
    """The numbers of a turn's frames; `last` is None while it runs."""

    first: int
    last: int | None


async def find_frames(store: DocumentStore, command: TurnCommand) -> StreamedTurn | None:
    """The frames of the turn that a request with this command's key led to, if there was one."""
    if command.key is None or command.conversation_id is None:
        return None
    document = await store.get(CONVERSATIONS, command.conversation_id)
    if document is None or document["customer_id"] != command.customer_id:
        return None
    conversation = Conversation.from_document(document)
    if conversation.run is not None and conversation.run.key == command.key:
        return StreamedTurn(conversation.last_frame + 1, None)
    number = conversation.turn_of(command.key)
    if number is None:
        return None
    turn = await store.get(TURNS, turn_document_id(conversation.id, number))
    if turn is None or turn.get("frames") is None:
        return None
    first, last = turn["frames"]
    return StreamedTurn(first, last)

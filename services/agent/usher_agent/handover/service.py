"""The conversation of a support ticket, for the person who answers it."""

from __future__ import annotations

from usher_agent.conversations.model import CONVERSATIONS, TURNS, Conversation
from usher_shared.contracts.handover import Transcript, TranscriptLine
from usher_shared.documents import DocumentStore, Filter, Query
from usher_shared.errors import NotFound
from usher_shared.personal import redact

_LAST_TURNS = 50


async def read_transcript(store: DocumentStore, conversation_id: str, ticket_id: str) -> Transcript:
    """What was said, without personal data. Raises NotFound unless that ticket is noted with the conversation.

    So nobody reads a conversation that the customer did not hand on, nor one that was erased.
    """
    document = await store.get(CONVERSATIONS, conversation_id)
    conversation = Conversation.from_document(document) if document else None
    noted = conversation is not None and any(note["ticket_id"] == ticket_id for note in conversation.tickets)
    if conversation is None or not noted or conversation.status == "erased":
        raise NotFound(f"there is no conversation {conversation_id} of ticket {ticket_id}", code="no_transcript")
    query = Query(
        TURNS,
        (Filter("conversation_id", "==", conversation_id),),
        order_by="number",
        descending=True,
        limit=_LAST_TURNS,
    )
    lines: list[TranscriptLine] = []
    for turn in reversed((await store.query(query)).documents):
        if turn.data["user"]:
            lines.append(TranscriptLine(speaker="customer", text=redact(turn.data["user"]["text"])))
        for call in turn.data.get("tool_calls", ()):
            lines.append(TranscriptLine(speaker="tool", text=f"{call['name']}: {call['status']}"))
        if turn.data["assistant"]:
            text = redact(turn.data["assistant"]["text"])
            lines.append(TranscriptLine(speaker=turn.data.get("agent", "usher"), text=text))
    return Transcript(conversation_id=conversation_id, status=conversation.status, lines=lines)

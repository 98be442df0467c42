"""The part of AG-UI's RunAgentInput that is believed, and the events of an answered interrupt.

A client sends its whole history; only the newest user message or the resume entry counts, so only they are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from usher_gateway.identity.model import ID_LENGTH, ID_PATTERN
from usher_shared.contracts.chat import Attachment, ChatResponse


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


Id = Annotated[str, Field(min_length=1, max_length=ID_LENGTH, pattern=ID_PATTERN)]


class HistoryEntry(_Wire):
    role: str
    content: Any = None


class ResumeEntry(_Wire):
    interrupt_id: Id
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class RunInput(_Wire):
    """`threadId` is the conversation; a new one begins under an id of the client's."""

    thread_id: Id
    run_id: Id
    messages: list[HistoryEntry]
    resume: list[ResumeEntry] | None = None


class TextPart(_Wire):
    type: Literal["text"]
    text: str


class DataSource(_Wire):
    """Data in the request itself; what a URL or a file names is never fetched."""

    type: Literal["data"]
    value: str
    mime_type: str


class MediaPart(_Wire):
    type: Literal["image", "audio", "document"]
    source: DataSource


Part = Annotated[TextPart | MediaPart, Field(discriminator="type")]


@dataclass(frozen=True, slots=True)
class Said:
    text: str
    attachments: list[Attachment]


@dataclass(frozen=True, slots=True)
class Decided:
    confirmation_id: str
    decision: Literal["approve", "reject"]


def decision_events(run: RunInput, answer: ChatResponse) -> list[dict[str, Any]]:
    """The run of a resume: the reply, then the outcome, which may be another interrupt."""
    thread, message = answer.conversation_id, answer.message_id
    events: list[dict[str, Any]] = [
        {"type": "RUN_STARTED", "threadId": thread, "runId": run.run_id, "protocolVersion": "1.0"}
    ]
    if answer.reply:
        events += [
            {"type": "TEXT_MESSAGE_START", "messageId": message, "role": "assistant"},
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": answer.reply},
            {"type": "TEXT_MESSAGE_END", "messageId": message},
        ]
    outcome: dict[str, Any] = {"type": "success"}
    if answer.confirmation is not None:
        waiting = {
            "id": answer.confirmation.id,
            "reason": "confirmation_required",
            "message": answer.confirmation.summary,
            "responseSchema": {
                "type": "object",
                "properties": {"decision": {"enum": ["approve", "reject"]}},
                "required": ["decision"],
            },
            "expiresAt": answer.confirmation.expires_at.isoformat(),
        }
        outcome = {"type": "interrupt", "interrupts": [waiting]}
    result = answer.model_dump(mode="json")
    return [
        *events,
        {"type": "CUSTOM", "name": "turn", "value": result},
        {"type": "RUN_FINISHED", "threadId": thread, "runId": run.run_id, "outcome": outcome},
    ]

"""What an AG-UI client wants: to say something, or to answer an interrupt."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from usher_gateway.agui.model import Decided, MediaPart, Part, ResumeEntry, RunInput, Said, TextPart
from usher_shared.contracts.chat import Attachment, ChatRequest
from usher_shared.errors import Unprocessable

_PARTS: TypeAdapter[list[TextPart | MediaPart]] = TypeAdapter(list[Part])


def read_input(run: RunInput) -> Said | Decided:
    """Raises Unprocessable naming what is missing or not accepted."""
    if run.resume:
        return _read_resume(run.resume)
    for entry in reversed(run.messages):
        if entry.role == "user":
            return _read_message(entry.content)
        if entry.role == "assistant":
            break
    raise _refusal("messages", "there is no user message after the last reply, and no resume")


def to_chat(run: RunInput, said: Said) -> ChatRequest:
    """As the body of POST /chat. Raises Unprocessable where it would not be valid there."""
    try:
        return ChatRequest(message=said.text, conversation_id=run.thread_id, attachments=said.attachments)
    except ValidationError as error:
        raise _refusal("messages", str(error.errors()[0]["msg"])) from error


def _read_message(content: Any) -> Said:
    if isinstance(content, str):
        return Said(content, [])
    try:
        parts = _PARTS.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _refusal(f"messages.content.{where}", str(first["msg"])) from error
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    try:
        attachments = [
            Attachment(kind=part.type, content_type=part.source.mime_type, data=part.source.value)
            for part in parts
            if isinstance(part, MediaPart)
        ]
    except ValidationError as error:
        raise _refusal("messages.content", str(error.errors()[0]["msg"])) from error
    return Said("\n".join(texts), attachments)


def _read_resume(entries: list[ResumeEntry]) -> Decided:
    if len(entries) != 1:
        raise _refusal("resume", "one interrupt is answered at a time")
    (entry,) = entries
    if entry.status == "cancelled":
        return Decided(entry.interrupt_id, "reject")
    match entry.payload:
        case {"decision": "approve"}:
            return Decided(entry.interrupt_id, "approve")
        case {"decision": "reject"}:
            return Decided(entry.interrupt_id, "reject")
    raise _refusal("resume.0.payload", 'the payload is {"decision": "approve"} or {"decision": "reject"}')


def _refusal(field: str, message: str) -> Unprocessable:
    return Unprocessable(
        f"not valid: {field}", code="validation_failed", extra={"errors": [{"field": field, "message": message}]}
    )

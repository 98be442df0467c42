"""AG-UI 1.0 events as plain dicts: what the official `ag_ui.core` types accept, at a fraction of their cost."""

from __future__ import annotations

from typing import Any

Frame = dict[str, Any]

PROTOCOL_VERSION = "1.0"


def run_started(thread_id: str, run_id: str) -> Frame:
    return {"type": "RUN_STARTED", "threadId": thread_id, "runId": run_id, "protocolVersion": PROTOCOL_VERSION}


def run_finished(thread_id: str, run_id: str, outcome: dict[str, Any], result: dict[str, Any]) -> Frame:
    return {"type": "RUN_FINISHED", "threadId": thread_id, "runId": run_id, "outcome": outcome, "result": result}


def run_error(message: str, code: str) -> Frame:
    return {"type": "RUN_ERROR", "message": message, "code": code}


def interrupt(confirmation: dict[str, Any]) -> dict[str, Any]:
    """The outcome of a run that waits for a confirmation (a ConfirmationView)."""
    return {
        "type": "interrupt",
        "interrupts": [
            {
                "id": confirmation["id"],
                "reason": "confirmation_required",
                "message": confirmation["summary"],
                "responseSchema": {
                    "type": "object",
                    "properties": {"decision": {"enum": ["approve", "reject"]}},
                    "required": ["decision"],
                },
                "expiresAt": confirmation["expires_at"],
            }
        ],
    }


def step_started(name: str) -> Frame:
    return {"type": "STEP_STARTED", "stepName": name}


def step_finished(name: str) -> Frame:
    return {"type": "STEP_FINISHED", "stepName": name}


def text_start(message_id: str) -> Frame:
    return {"type": "TEXT_MESSAGE_START", "messageId": message_id, "role": "assistant"}


def text_content(message_id: str, delta: str) -> Frame:
    return {"type": "TEXT_MESSAGE_CONTENT", "messageId": message_id, "delta": delta}


def text_end(message_id: str) -> Frame:
    return {"type": "TEXT_MESSAGE_END", "messageId": message_id}


def tool_call(call_id: str, name: str, arguments: str, message_id: str) -> tuple[Frame, Frame, Frame]:
    return (
        {"type": "TOOL_CALL_START", "toolCallId": call_id, "toolCallName": name, "parentMessageId": message_id},
        {"type": "TOOL_CALL_ARGS", "toolCallId": call_id, "delta": arguments},
        {"type": "TOOL_CALL_END", "toolCallId": call_id},
    )


def tool_result(call_id: str, content: str) -> Frame:
    return {
        "type": "TOOL_CALL_RESULT",
        "messageId": f"{call_id}-result",
        "toolCallId": call_id,
        "content": content,
        "role": "tool",
    }


def custom(name: str, value: Any) -> Frame:
    return {"type": "CUSTOM", "name": name, "value": value}

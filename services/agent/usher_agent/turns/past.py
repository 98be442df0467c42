"""What an interrupted turn had come to, read from its stored frames: nothing of it is done or said again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from usher_agent.boxoffice.model import UNRESOLVED, ToolCall
from usher_agent.boxoffice.service import ToolOutcome
from usher_agent.confirmations.service import Execution
from usher_agent.streams.model import Frame

_STATUSES = {"status_unknown": "unknown", "awaiting_confirmation": "refused", "not_my_tool": "refused"}


@dataclass(slots=True)
class PastStep:
    """A step of the turn as the stream shows it. `results` are tool messages by the id of their call."""

    name: str
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    finished: bool = False


@dataclass(slots=True)
class Past:
    """`open_text` is a message that was begun and not ended; `ended`: the stream has ended, so nothing may follow."""

    steps: list[PastStep] = field(default_factory=list)
    frames: int = 0
    open_text: str | None = None
    ended: bool = False

    def named(self, name: str) -> PastStep | None:
        return next((step for step in self.steps if step.name == name), None)


def read_past(frames: Iterable[Frame]) -> Past:
    """From all frames of one run, in order."""
    past = Past()
    arguments: dict[str, str] = {}
    named: dict[str, str] = {}
    step = PastStep("")
    for frame in frames:
        past.frames += 1
        match frame["type"]:
            case "STEP_STARTED":
                step = PastStep(frame["stepName"])
                past.steps.append(step)
            case "STEP_FINISHED":
                step.finished = True
            case "TEXT_MESSAGE_START":
                past.open_text = frame["messageId"]
            case "TEXT_MESSAGE_CONTENT":
                step.text += frame["delta"]
            case "TEXT_MESSAGE_END":
                past.open_text = None
            case "TOOL_CALL_START":
                named[frame["toolCallId"]] = frame["toolCallName"]
                arguments[frame["toolCallId"]] = ""
            case "TOOL_CALL_ARGS":
                arguments[frame["toolCallId"]] += frame["delta"]
            case "TOOL_CALL_END":
                id = frame["toolCallId"]
                step.calls.append(ToolCall(id, named[id], arguments[id]))
            case "TOOL_CALL_RESULT":
                step.results[frame["toolCallId"]] = frame["content"]
            case "RUN_ERROR" | "RUN_FINISHED":
                past.ended = True
    return past


def _answer(text: str) -> dict[str, Any] | None:
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None


def is_waiting(text: str) -> bool:
    """Whether that tool message put a proposal to the customer."""
    return "confirmation_required" in text and (_answer(text) or {}).get("status") == "confirmation_required"


def read_outcome(text: str) -> ToolOutcome:
    """What a call came to, from its tool message."""
    answer = _answer(text) or {}
    code = answer.get("error")
    return ToolOutcome("ok" if code is None else _STATUSES.get(str(code), "error"), answer, 0.0)


def read_execution(text: str) -> Execution | None:
    """What a confirmed action came to; None when that is not known, and it has to be asked under its reference."""
    answer = _answer(text)
    if answer is None or "shortened" in answer:
        return None
    code = answer.get("error")
    if code is None:
        return Execution("done", answer)
    if code == "status_unknown":
        return None
    return Execution("unresolved" if code == UNRESOLVED else "refused", answer, str(code))

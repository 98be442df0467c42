"""What an interrupted turn had come to, read from its stored frames: nothing of it is done or said again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from usher_agent.boxoffice.model import ToolCall
from usher_agent.streams.model import Frame


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
    """`open_text` is a message that was begun and not ended; `ended`: the stream has ended, so nothing may follow.

    `prefaced`: what the agent itself says before the model was said to its end.
    """

    steps: list[PastStep] = field(default_factory=list)
    frames: int = 0
    open_text: str | None = None
    prefaced: bool = False
    ended: bool = False

    def named(self, name: str) -> PastStep | None:
        return next((step for step in self.steps if step.name == name), None)


_PREFACE = ".0"


def preface_id(message_id: str) -> str:
    """Of the message that comes before the model's."""
    return f"{message_id}{_PREFACE}"


def is_preface(message_id: str | None) -> bool:
    return message_id is not None and message_id.endswith(_PREFACE)


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
                past.prefaced = past.prefaced or is_preface(past.open_text)
                past.open_text = None
            case "CUSTOM" if frame["name"] == "withdrawn" and is_preface(frame["value"]["message_id"]):
                past.prefaced = False
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

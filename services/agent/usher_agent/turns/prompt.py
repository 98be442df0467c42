"""What the model is told: one system message, the history, the notes in between."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from usher_agent.specialists.prompts import instructions
from usher_shared.contracts.handover import SpecialistName

Message = dict[str, Any]


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=8)
def _lasting(specialist: SpecialistName, home_time_zone: str) -> str:
    return f"{instructions(specialist)}\n\nHome time zone: {home_time_zone}\nCurrent time: "


def system_message(now: datetime, home_time_zone: str, specialist: SpecialistName) -> Message:
    """The system message. What all specialists share comes first and the time last, so that the rest can be cached."""
    local = now.astimezone(_zone(home_time_zone)).isoformat(timespec="seconds")
    return {"role": "system", "content": _lasting(specialist, home_time_zone) + local}


def user_message(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant_message(text: str) -> Message:
    return {"role": "assistant", "content": text}


def note(text: str) -> Message:
    """A fact from the system, between the customer's words and the model's."""
    return {"role": "system", "content": text}


def assistant_calls(text: str, calls: list[tuple[str, str, str]]) -> Message:
    """The assistant's tool calls: (id, name, arguments as JSON text)."""
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in calls
        ],
    }


def tool_message(call_id: str, name: str, content: str) -> Message:
    return {"role": "tool", "tool_call_id": call_id, "name": name, "content": content}


def declined_note(proposal_id: str) -> Message:
    return note(f"The customer declined the proposal {proposal_id}; nothing was charged.")


def expired_note(proposal_id: str) -> Message:
    return note(f"The proposal {proposal_id} has expired; nothing was charged. A new quote is needed.")


def withdrawn_note(proposal_id: str) -> Message:
    return note(f"The proposal {proposal_id} was taken back; nothing was charged. A new quote is needed.")


def early_note(proposal_id: str) -> Message:
    return note(f"The message was written before the proposal {proposal_id} was shown: it does not answer it.")


def approved_note(proposal_id: str) -> Message:
    return note(f"The customer approved the proposal {proposal_id}.")


def preferences_kept_note() -> Message:
    return note("The customer agreed: their preferences are remembered now. Confirm it in a few words.")


def preferences_refused_note() -> Message:
    return note("The customer does not want this to be remembered; nothing is kept.")


def requested_note() -> Message:
    return note("Another program asks for this in the customer's name.")


def interrupted_note() -> Message:
    return note("The answer to this message was interrupted before it was given.")

"""Reading the messages of a conversation into steps: who said what, which tool answered what.

Nothing in a tool's answer is ever read as an instruction: answers become typed records or a failure.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from usher_shared.contracts.handover import HAND_OVER
from usher_shared.contracts.knowledge import SEARCH_KNOWLEDGE, FoundKnowledge
from usher_shared.contracts.preferences import PREFERENCES, Preferences
from usher_shared.contracts.recollection import PREFACE, Recollection, read_note
from usher_shared.contracts.tools import TOOLS, Answer

_LONGEST = 4000  # characters of a message that are read
_NOW = re.compile(r"^Current time:\s*(\S+)", re.MULTILINE)
_ZONE = re.compile(r"^Home time zone:\s*(\S+)", re.MULTILINE)
_DECLINED = re.compile(r"customer declined the proposal\s*(\S*?)[;.\s]", re.IGNORECASE)

_LAPSED = re.compile(r"\bproposal \S+ (?:has expired|was taken back)\b", re.IGNORECASE)
_LONGEST_DETAIL = 300  # characters of a refusal
_EARLY = re.compile(r"\bwritten before the proposal \S+ was shown\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HeardCall:
    """A tool call in the history; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the history. `answers` is the id of the call that a tool message answers."""

    role: str
    text: str = ""
    calls: tuple[HeardCall, ...] = ()
    answers: str = ""


@dataclass(frozen=True, slots=True)
class UserTurn:
    text: str


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    text: str


@dataclass(frozen=True, slots=True)
class Declined:
    """The customer turned a proposal down."""

    proposal_id: str


@dataclass(frozen=True, slots=True)
class HandedOn:
    """A hand-over to a colleague; `refused` when none took it."""

    refused: bool


@dataclass(frozen=True, slots=True)
class Lapsed:
    """A proposal ran out, or was taken back, before it was answered."""


@dataclass(frozen=True, slots=True)
class Early:
    """The message was written before the proposal was shown."""


class Proposed(BaseModel):
    """A protected action that waits for the customer's yes."""

    confirmation_id: str = ""
    summary: str = ""
    total: float | None = None
    currency: str = ""
    policy: str = ""
    expires_at: datetime | None = None


class Remembered(BaseModel):
    """What the tool `preferences` answered."""

    status: str = ""
    remembered: Preferences = Preferences()


@dataclass(frozen=True, slots=True)
class Failure:
    """A tool refused or failed; `code` is machine-readable, `detail` for a person."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A tool's answer to a call."""

    tool: str
    arguments: dict[str, Any]
    result: Answer | Proposed | FoundKnowledge | Remembered | Failure


@dataclass(frozen=True, slots=True)
class Recalled:
    """Turns that are left out, as what they established."""

    known: Recollection


Step = UserTurn | AssistantTurn | Declined | Lapsed | Early | HandedOn | Done | Recalled


@dataclass(frozen=True, slots=True)
class Moment:
    """The present, in the home zone."""

    now: datetime
    zone: ZoneInfo


def read_moment(messages: Iterable[Heard]) -> Moment:
    """From the system message's `Current time:` and `Home time zone:` lines; the machine's clock and UTC without."""
    now, zone = datetime.now(UTC), ZoneInfo("UTC")
    for message in messages:
        if message.role not in ("system", "developer"):
            continue
        named = _ZONE.search(message.text)
        said = _NOW.search(message.text)
        zone = (named and _zone(named.group(1))) or zone
        now = (said and _instant(said.group(1))) or now
    return Moment(now.astimezone(zone), zone)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # malformed, unknown, or the name of a folder of zones
        return None


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_steps(messages: Iterable[Heard]) -> Iterator[Step]:
    """The steps in order; messages of unknown roles and tool answers without a call are passed over."""
    open_calls: dict[str, HeardCall] = {}
    waiting: list[HeardCall] = []
    for message in messages:
        if message.role == "user":
            yield UserTurn(message.text[:_LONGEST])
        elif message.role == "assistant":
            if message.text.strip():
                yield AssistantTurn(message.text[:_LONGEST])
            open_calls |= {call.id: call for call in message.calls if call.id}
            waiting = list(message.calls)
        elif message.role == "tool":
            call = open_calls.pop(message.answers, None) or (waiting.pop(0) if waiting else None)
            if call is not None:
                waiting = [other for other in waiting if other is not call]
                if call.name == HAND_OVER:  # nothing of the flow: the same dialogue goes on
                    yield HandedOn(refused='"error"' in message.text[:20])
                    continue
                yield Done(call.name, _read_arguments(call.arguments), read_result(call.name, message.text))
        elif message.role in ("system", "developer"):
            if message.text.startswith(PREFACE):
                known = read_note(message.text)
                if known is not None:
                    yield Recalled(known)
                continue
            declined = _DECLINED.search(message.text)
            if declined:
                yield Declined(declined.group(1))
            elif _LAPSED.search(message.text):
                yield Lapsed()
            elif _EARLY.search(message.text):
                yield Early()


def _within(detail: str) -> str:
    """The detail as far as it is read, cut between words."""
    if len(detail) <= _LONGEST_DETAIL:
        return detail
    return detail[:_LONGEST_DETAIL].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def _read_arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


@lru_cache(maxsize=512)  # a conversation's earlier answers come again with each of its calls
def read_result(tool: str, text: str) -> Answer | Proposed | FoundKnowledge | Remembered | Failure:
    """A tool message as a record; what does not fit the tool's contract is a failure `unreadable`."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return Failure("unreadable")
    if not isinstance(data, dict):
        return Failure("unreadable")
    try:
        if data.get("status") == "confirmation_required":
            return Proposed.model_validate(data)
        if "error" in data:
            return Failure(str(data["error"])[:64], _within(str(data.get("detail") or "")))
        if tool == SEARCH_KNOWLEDGE:
            return FoundKnowledge.model_validate(data)
        if tool == PREFERENCES:
            return Remembered.model_validate(data)
        known = TOOLS.get(tool)
        return known.answer.model_validate(data) if known else Failure("unknown_tool")
    except ValidationError:
        return Failure("unreadable")

"""What a call or a confirmed action came to, read back from the tool message that a stream holds."""

from __future__ import annotations

from typing import Any

import orjson

from usher_agent.boxoffice.model import UNRESOLVED
from usher_agent.boxoffice.service import ToolOutcome
from usher_agent.confirmations.service import Execution

_STATUSES = {"status_unknown": "unknown", "awaiting_confirmation": "refused", "not_my_tool": "refused"}


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
